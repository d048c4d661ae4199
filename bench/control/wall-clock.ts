/** The clock that the kernel stamps packets with. */
import koffi from "koffi";

const CLOCK_REALTIME = 0;
const NS_PER_SECOND = 1e9;

const clockGettime = koffi.load("libc.so.6").func("int clock_gettime(int clock, _Out_ uint8_t *out)") as (
  clock: number,
  out: Buffer,
) => number;

const out = Buffer.alloc(16);

/** Nanoseconds since the epoch; a double holds them to 256 ns. */
export function wallClockNs(): number {
  if (clockGettime(CLOCK_REALTIME, out) !== 0) throw new Error("the wall clock cannot be read (clock_gettime)");
  return Number(out.readBigInt64LE(0)) * NS_PER_SECOND + Number(out.readBigInt64LE(8));
}
