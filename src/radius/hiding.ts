/** Values that RADIUS hides on a hop with the hop's secret: User-Password (RFC 2865 section 5.2), salted values (RFC 2868 section 3.5). */
import type { Secret } from "./authenticator.js";
import { RadiusError } from "./errors.js";
import { md5 } from "./md5.js";

const BLOCK_BYTES = 16;
const SALT_BYTES = 2;
const MAX_PASSWORD_BYTES = 128;
/** 253 bytes of value less the salt, in whole blocks. */
const MAX_SALTED_BYTES = 240;

/** One direction of a hop: what its hidden values are keyed with. */
export interface Hop {
  readonly secret: Secret;
  /** 16 bytes: of the Access-Request in an exchange, or what the sender of a CoA-Request used. */
  readonly authenticator: Buffer;
}

type CipherDirection = "hide" | "reveal";

/** The XOR chain that both schemes share; `input` is whole blocks. The chain runs over the ciphertext. */
function chain(direction: CipherDirection, input: Buffer, secret: Secret, seed: readonly Buffer[]): Buffer {
  const output = Buffer.allocUnsafe(input.length);
  let previous = seed;
  for (let start = 0; start < input.length; start += BLOCK_BYTES) {
    const key = md5(secret, ...previous);
    for (let i = 0; i < BLOCK_BYTES; i++) output[start + i] = (input[start + i] as number) ^ (key[i] as number);
    previous = [(direction === "hide" ? output : input).subarray(start, start + BLOCK_BYTES)];
  }
  return output;
}

function padded(value: Buffer): Buffer {
  const length = Math.max(BLOCK_BYTES, Math.ceil(value.length / BLOCK_BYTES) * BLOCK_BYTES);
  return Buffer.concat([value], length);
}

/** Hides a password of up to 128 bytes; longer ones are refused with RadiusError "too-long". */
export function hidePassword(password: Buffer, hop: Hop): Buffer {
  if (password.length > MAX_PASSWORD_BYTES) throw new RadiusError("too-long", "a password is above 128 bytes");
  return chain("hide", padded(password), hop.secret, [hop.authenticator]);
}

/** The hidden password with its zero padding. Throws RadiusError "undecryptable" unless it is 1 to 8 blocks. */
export function revealPassword(value: Buffer, hop: Hop): Buffer {
  if (value.length === 0 || value.length % BLOCK_BYTES !== 0 || value.length > MAX_PASSWORD_BYTES) {
    throw new RadiusError("undecryptable", "a hidden password is not 16 to 128 bytes in whole blocks");
  }
  return chain("reveal", value, hop.secret, [hop.authenticator]);
}

/** `salt` is 16 bits with the top bit set, unique within the packet. Throws RadiusError "too-long". */
export function hideSalted(value: Buffer, hop: Hop, salt: number): Buffer {
  if (value.length >= MAX_SALTED_BYTES) throw new RadiusError("too-long", "a salted value is above 239 bytes");
  return hideSaltedBlocks(padded(Buffer.concat([Buffer.of(value.length), value])), hop, salt);
}

function hideSaltedBlocks(blocks: Buffer, hop: Hop, salt: number): Buffer {
  const saltBytes = Buffer.of(salt >>> 8, salt & 0xff);
  return Buffer.concat([saltBytes, chain("hide", blocks, hop.secret, [hop.authenticator, saltBytes])]);
}

function revealSaltedBlocks(value: Buffer, hop: Hop): Buffer {
  const blocks = value.subarray(SALT_BYTES);
  if (blocks.length === 0 || blocks.length % BLOCK_BYTES !== 0) {
    throw new RadiusError("undecryptable", "a salted value is not a salt and whole blocks");
  }
  return chain("reveal", blocks, hop.secret, [hop.authenticator, value.subarray(0, SALT_BYTES)]);
}

/**
 * The value behind salt encryption. RadiusError "undecryptable" when the length byte or the zero padding
 * does not fit, which is what a wrong secret or authenticator looks like.
 */
export function revealSalted(value: Buffer, hop: Hop): Buffer {
  const blocks = revealSaltedBlocks(value, hop);
  const end = 1 + (blocks[0] as number);
  if (end > blocks.length || blocks.subarray(end).some((byte) => byte !== 0)) {
    throw new RadiusError("undecryptable", "a salted value does not decrypt to a length, a value and zero padding");
  }
  return blocks.subarray(1, end);
}

/** Takes a salted value from one hop to the next, its salt and its plaintext, padding included, as they are. */
export function rehideSalted(value: Buffer, from: Hop, to: Hop): Buffer {
  return hideSaltedBlocks(revealSaltedBlocks(value, from), to, value.readUInt16BE(0));
}

/** Takes a hidden password from one hop to the next. */
export function rehidePassword(value: Buffer, from: Hop, to: Hop): Buffer {
  return chain("hide", revealPassword(value, from), to.secret, [to.authenticator]);
}
