/** Random bytes of the system's generator, fetched many at a time: a login needs three small lots of them. */
import { randomFillSync } from "node:crypto";

const POOL_BYTES = 8192;

let pool = Buffer.alloc(0);
let used = 0;

/** `size` random bytes that nobody else was given, 1 to 8192. */
export function randomBytes(size: number): Buffer {
  if (used + size > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES));
    used = 0;
  }
  used += size;
  return pool.subarray(used - size, used);
}
