/** Checks of buffers before native code sees them: koffi itself notices no short buffer. */
import { BpfUsageError } from "./errors.js";

/** Throws unless `buffer` is a Buffer of exactly `length` bytes. */
export function requireBytes(buffer: Buffer, length: number, what: string): void {
  if (!Buffer.isBuffer(buffer)) throw new BpfUsageError(`${what}: a Buffer of ${length} bytes is expected`);
  if (buffer.length !== length) {
    throw new BpfUsageError(`${what}: ${buffer.length} bytes given, ${length} expected`);
  }
}

/** Throws unless `value` is a whole number from `low` to `high`. */
export function requireInteger(value: number, low: number, high: number, what: string): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new BpfUsageError(`${what}: ${String(value)} given, a whole number from ${low} to ${high} expected`);
  }
}

export const U32_MAX = 0xffff_ffff;

/** Throws unless `value` is an interface index. */
export function requireIfindex(value: number): void {
  requireInteger(value, 1, 0x7fff_ffff, "interface index");
}

export function requireText(value: string, what: string): void {
  if (typeof value !== "string" || value === "" || value.includes("\0")) {
    throw new BpfUsageError(`${what}: a text that is not empty and has no zero byte is expected`);
  }
}
