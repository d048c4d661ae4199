/**
 * Sealed text, as it stands in `data.li` and on `li.task.<id>`:
 * `s1.<bytes>` sealed with a data key that its readers were granted;
 * `x1.<JSON>` sealed to its readers' xkeys directly, for whoever has no data key: once or twice a millisecond's work each.
 */
import { randomBytes } from "node:crypto";
import { SecurityError } from "../errors.js";
import { type Box, type SealingKey, sealTo } from "../keys/sealing-key.js";
import { DATA_KEY_BYTES, DataKey } from "./data-key.js";
import type { KeyPurpose } from "./grant.js";
import type { Keyring } from "./keyring.js";

const WITH_DATA_KEY = "s1.";
const TO_READERS = "x1.";
const MAX_READERS = 1000;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export function isSealedText(text: string): boolean {
  return text.startsWith(WITH_DATA_KEY) || text.startsWith(TO_READERS);
}

export function sealTextWith(key: DataKey, text: string, context: string): string {
  return WITH_DATA_KEY + key.seal(Buffer.from(text, "utf8"), context).toString("base64url");
}

/** Throws KeyError where a reader is no xkey. */
export function sealTextTo(readers: readonly string[], text: string, context: string): string {
  const secret = randomBytes(DATA_KEY_BYTES);
  const sealed = new DataKey(secret).seal(Buffer.from(text, "utf8"), context).toString("base64url");
  const boxes = sealTo([...new Set(readers)], secret);
  return TO_READERS + Buffer.from(JSON.stringify({ boxes, sealed })).toString("base64url");
}

export interface TextOpener {
  /** Data keys that were granted; undefined where there are none. */
  readonly keyring?: Keyring;
  readonly purpose?: KeyPurpose;
  readonly sealingKeys: readonly SealingKey[];
}

/** Thrown where the data key may still be on its way. */
export class MissingDataKeyError extends SecurityError {
  constructor(readonly key: string) {
    super("cannot-open", "sealed with a data key that was not granted to this program");
  }
}

/** Throws SecurityError. */
export function openText(text: string, context: string, opener: TextOpener): string {
  if (text.startsWith(WITH_DATA_KEY))
    return openWithDataKey(bytesOf(text.slice(WITH_DATA_KEY.length)), context, opener);
  if (text.startsWith(TO_READERS)) return openAsReader(bytesOf(text.slice(TO_READERS.length)), context, opener);
  throw new SecurityError("not-sealed", "the text is not sealed: s1. or x1. is expected");
}

function openWithDataKey(sealed: Buffer, context: string, { keyring, purpose = "events" }: TextOpener): string {
  const opened = keyring?.open(sealed, purpose, context) ?? { kind: "altered" };
  if (opened.kind === "no-key") throw new MissingDataKeyError(opened.key);
  if (opened.kind === "altered") throw cannotOpen();
  return opened.plain.toString("utf8");
}

function openAsReader(bytes: Buffer, context: string, { sealingKeys }: TextOpener): string {
  const { boxes, sealed } = parseReaders(bytes);
  for (const key of sealingKeys) {
    for (const box of boxes) {
      const secret = key.open(box);
      if (secret?.length !== DATA_KEY_BYTES) continue;
      const plain = new DataKey(secret).open(sealed, context);
      if (plain === undefined) throw cannotOpen();
      return plain.toString("utf8");
    }
  }
  throw new SecurityError("cannot-open", "sealed to other readers than this program");
}

function parseReaders(bytes: Buffer): { boxes: readonly Box[]; sealed: Buffer } {
  try {
    const { boxes, sealed } = JSON.parse(bytes.toString("utf8")) as { boxes: Box[]; sealed: string };
    const complete = boxes.every(({ to, from, box }) => [to, from, box].every((part) => typeof part === "string"));
    if (complete && boxes.length <= MAX_READERS) return { boxes, sealed: bytesOf(sealed) };
  } catch {
    // Said below.
  }
  throw new SecurityError("malformed", "sealed text is not of the form that is expected");
}

function bytesOf(text: string): Buffer {
  if (!BASE64URL.test(text)) throw new SecurityError("malformed", "sealed text must be in base64url");
  return Buffer.from(text, "base64url");
}

function cannotOpen(): SecurityError {
  return new SecurityError("cannot-open", "the sealed text was altered, or sealed for another place");
}
