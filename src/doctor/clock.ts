/** Whether the node's clock can be believed: instructions are valid from and until a time (adjtimex(2)). */
import { libc } from "../net/libc.js";
import { type Finding, ok, warning } from "./finding.js";

/** `struct timex` on 64-bit Linux: modes, then longs. */
const TIMEX_BYTES = 208;
const MAX_ERROR_AT = 24;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;
/** What adjtimex returns where the clock is not synchronised. */
const TIME_ERROR = 5;

export interface ClockState {
  readonly synchronised: boolean;
  /** The kernel's bound, in seconds. */
  readonly maxErrorSeconds: number;
}

/** Undefined where the kernel does not say. */
export function readClock(): ClockState | undefined {
  const timex = Buffer.alloc(TIMEX_BYTES);
  const state = libc().adjtimex(timex);
  if (state < 0) return undefined;
  return {
    synchronised: state !== TIME_ERROR && (timex.readInt32LE(STATUS_AT) & STA_UNSYNC) === 0,
    maxErrorSeconds: Number(timex.readBigInt64LE(MAX_ERROR_AT)) / 1e6,
  };
}

/** Pure. `toleranceSeconds`: security.clockToleranceSeconds. */
export function judgeClock(clock: ClockState | undefined, toleranceSeconds: number): Finding {
  const remedy = "run chrony, systemd-timesyncd or another time service";
  if (clock === undefined) return warning("clock", "the kernel does not say whether the clock is synchronised", remedy);
  const within = `a clock that is off by more than ${toleranceSeconds} s refuses valid instructions`;
  if (!clock.synchronised) return warning("clock", `is not synchronised; ${within}`, remedy);
  const bound = `${clock.maxErrorSeconds.toFixed(3)} s`;
  if (clock.maxErrorSeconds > toleranceSeconds)
    return warning("clock", `may be off by ${bound}; ${within}`, "look at the time service: chronyc tracking");
  return ok("clock", `is synchronised, off by ${bound} at most`);
}
