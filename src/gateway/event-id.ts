/** Event ids: UUID version 7 (RFC 9562 section 5.7), so that they sort by time. */
import { randomBytes } from "./random.js";

/** A new id; those of one millisecond differ in 74 random bits. `now` is Unix time in milliseconds. */
export function newEventId(now: number): string {
  return uuid7(now, randomBytes(10));
}

/** The same id for the same time and content, so that what is published twice is stored once. `content` has at least 10 bytes, of a hash. */
export function eventIdOf(now: number, content: Buffer): string {
  return uuid7(now, content);
}

function uuid7(now: number, noise: Buffer): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  noise.copy(bytes, 6, 0, 10);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const text = bytes.toString("hex");
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}
