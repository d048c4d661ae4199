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

/** Where the hyphens of the text are. */
const HYPHENS: ReadonlySet<number> = new Set([8, 13, 18, 23]);
/** By byte of the id: where its first digit is in the text. */
const PLACES = Array.from({ length: 36 }, (_, place) => place)
  .filter((place) => !HYPHENS.has(place))
  .filter((_, digit) => digit % 2 === 0);
const DIGITS = Buffer.from("0123456789abcdef");
/** Nothing here waits: one text is over before the next begins. */
const text = Buffer.from("00000000-0000-0000-0000-000000000000");

function uuid7(now: number, noise: Buffer): string {
  for (let index = 0; index < 6; index++) write(index, Math.floor(now / 2 ** (8 * (5 - index))) & 0xff);
  for (let index = 6; index < 16; index++) write(index, noise[index - 6] as number);
  write(6, ((noise[0] as number) & 0x0f) | 0x70);
  write(8, ((noise[2] as number) & 0x3f) | 0x80);
  return text.toString("latin1");
}

function write(index: number, byte: number): void {
  const place = PLACES[index] as number;
  text[place] = DIGITS[byte >> 4] as number;
  text[place + 1] = DIGITS[byte & 0x0f] as number;
}
