/** The boot clock, by which the kernel starts and ends intercepts: it does not follow steps of the wall clock. */
import koffi from "koffi";

const CLOCK_BOOTTIME = 7;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

let clockGettime: ((clock: number, out: Buffer) => number) | undefined;

/** Nanoseconds since boot, suspended time included (clock_gettime(2), CLOCK_BOOTTIME). */
export function bootClockNs(): bigint {
  clockGettime ??= koffi.load("libc.so.6").func("int clock_gettime(int clock, _Out_ uint8_t *out)") as (
    clock: number,
    out: Buffer,
  ) => number;
  const out = Buffer.alloc(16);
  if (clockGettime(CLOCK_BOOTTIME, out) !== 0) throw new Error("The boot clock cannot be read (clock_gettime).");
  return out.readBigInt64LE(0) * NANOSECONDS_PER_SECOND + out.readBigInt64LE(8);
}

/** The last time that 64 bits hold, some 584 years after boot. */
export const END_OF_TIME_NS = 0xffff_ffff_ffff_ffffn;

/** Boot-clock time of a wall-clock time in Unix milliseconds; 0 where that was before boot. */
export function toBootClockNs(unixMs: number, nowMs: number = Date.now(), nowNs: bigint = bootClockNs()): bigint {
  const at = nowNs + BigInt(Math.round((unixMs - nowMs) * 1e6));
  if (at < 0n) return 0n;
  return at < END_OF_TIME_NS ? at : END_OF_TIME_NS;
}
