/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), which RADIUS cannot do without. Of our own because a login takes about ten of
 * them over some hundred bytes, where making node:crypto's objects costs several times the hashing.
 * No use of MD5 beyond what the RADIUS RFCs ask for.
 */

const BLOCK = 64;
export const MD5_BYTES = 16;

const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);
const START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);

/** One hash in the making; `digest` may be followed by `restart`, and a started one may be kept with `state`. */
class Md5 {
  readonly #state = new Int32Array(4);
  readonly #words = new Int32Array(16);
  readonly #pending = new Uint8Array(BLOCK);
  #pendingBytes = 0;
  #length = 0;

  /** Begins anew, or behind `bytes` already hashed whose result is `state`; `bytes` is whole blocks. */
  restart(state: Int32Array = START, bytes = 0): void {
    this.#state.set(state);
    this.#pendingBytes = 0;
    this.#length = bytes;
  }

  get state(): Int32Array {
    return this.#state.slice();
  }

  update(input: Uint8Array): void {
    let offset = 0;
    this.#length += input.length;
    if (this.#pendingBytes > 0) {
      offset = Math.min(BLOCK - this.#pendingBytes, input.length);
      this.#keep(input, 0, offset);
      if (this.#pendingBytes < BLOCK) return;
      this.#block(this.#pending, 0);
      this.#pendingBytes = 0;
    }
    for (; offset + BLOCK <= input.length; offset += BLOCK) this.#block(input, offset);
    this.#keep(input, offset, input.length);
  }

  digest(): Buffer {
    const bits = this.#length * 8;
    const pending = this.#pending;
    pending[this.#pendingBytes] = 0x80;
    pending.fill(0, this.#pendingBytes + 1);
    if (this.#pendingBytes >= BLOCK - 8) {
      this.#block(pending, 0);
      pending.fill(0);
    }
    // The length in bits, little endian; what we hash is far below 2^32 bits.
    for (let i = 0; i < 4; i++) pending[BLOCK - 8 + i] = (bits >>> (8 * i)) & 0xff;
    this.#block(pending, 0);
    this.#pendingBytes = 0;
    const output = Buffer.allocUnsafe(MD5_BYTES);
    for (let i = 0; i < 4; i++) output.writeInt32LE(this.#state[i] as number, 4 * i);
    return output;
  }

  #keep(input: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#pending[this.#pendingBytes++] = input[i] as number;
  }

  #block(bytes: Uint8Array, offset: number): void {
    const words = this.#words;
    for (let i = 0, at = offset; i < 16; i++, at += 4) {
      words[i] =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
    }
    const state = this.#state;
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    // The four rounds, four steps a turn: in the fourth, every register is back in its place.
    for (let i = 0; i < 16; i += 4) {
      a = (a + ((b & c) | (~b & d)) + (SINES[i] as number) + (words[i] as number)) | 0;
      a = (b + ((a << 7) | (a >>> 25))) | 0;
      d = (d + ((a & b) | (~a & c)) + (SINES[i + 1] as number) + (words[i + 1] as number)) | 0;
      d = (a + ((d << 12) | (d >>> 20))) | 0;
      c = (c + ((d & a) | (~d & b)) + (SINES[i + 2] as number) + (words[i + 2] as number)) | 0;
      c = (d + ((c << 17) | (c >>> 15))) | 0;
      b = (b + ((c & d) | (~c & a)) + (SINES[i + 3] as number) + (words[i + 3] as number)) | 0;
      b = (c + ((b << 22) | (b >>> 10))) | 0;
    }
    for (let i = 16; i < 32; i += 4) {
      a = (a + ((d & b) | (~d & c)) + (SINES[i] as number) + (words[(5 * i + 1) & 15] as number)) | 0;
      a = (b + ((a << 5) | (a >>> 27))) | 0;
      d = (d + ((c & a) | (~c & b)) + (SINES[i + 1] as number) + (words[(5 * i + 6) & 15] as number)) | 0;
      d = (a + ((d << 9) | (d >>> 23))) | 0;
      c = (c + ((b & d) | (~b & a)) + (SINES[i + 2] as number) + (words[(5 * i + 11) & 15] as number)) | 0;
      c = (d + ((c << 14) | (c >>> 18))) | 0;
      b = (b + ((a & c) | (~a & d)) + (SINES[i + 3] as number) + (words[(5 * i + 16) & 15] as number)) | 0;
      b = (c + ((b << 20) | (b >>> 12))) | 0;
    }
    for (let i = 32; i < 48; i += 4) {
      a = (a + (b ^ c ^ d) + (SINES[i] as number) + (words[(3 * i + 5) & 15] as number)) | 0;
      a = (b + ((a << 4) | (a >>> 28))) | 0;
      d = (d + (a ^ b ^ c) + (SINES[i + 1] as number) + (words[(3 * i + 8) & 15] as number)) | 0;
      d = (a + ((d << 11) | (d >>> 21))) | 0;
      c = (c + (d ^ a ^ b) + (SINES[i + 2] as number) + (words[(3 * i + 11) & 15] as number)) | 0;
      c = (d + ((c << 16) | (c >>> 16))) | 0;
      b = (b + (c ^ d ^ a) + (SINES[i + 3] as number) + (words[(3 * i + 14) & 15] as number)) | 0;
      b = (c + ((b << 23) | (b >>> 9))) | 0;
    }
    for (let i = 48; i < 64; i += 4) {
      a = (a + (c ^ (b | ~d)) + (SINES[i] as number) + (words[(7 * i) & 15] as number)) | 0;
      a = (b + ((a << 6) | (a >>> 26))) | 0;
      d = (d + (b ^ (a | ~c)) + (SINES[i + 1] as number) + (words[(7 * i + 7) & 15] as number)) | 0;
      d = (a + ((d << 10) | (d >>> 22))) | 0;
      c = (c + (a ^ (d | ~b)) + (SINES[i + 2] as number) + (words[(7 * i + 14) & 15] as number)) | 0;
      c = (d + ((c << 15) | (c >>> 17))) | 0;
      b = (b + (d ^ (c | ~a)) + (SINES[i + 3] as number) + (words[(7 * i + 21) & 15] as number)) | 0;
      b = (c + ((b << 21) | (b >>> 11))) | 0;
    }
    state[0] = ((state[0] as number) + a) | 0;
    state[1] = ((state[1] as number) + b) | 0;
    state[2] = ((state[2] as number) + c) | 0;
    state[3] = ((state[3] as number) + d) | 0;
  }
}

/** Shared: nothing here waits, so that one hash is over before the next begins. */
const shared = new Md5();

/** MD5 over the parts, one after the other. */
export function md5(...parts: readonly Uint8Array[]): Buffer {
  shared.restart();
  for (const part of parts) shared.update(part);
  return shared.digest();
}

interface HmacKey {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

/** The states behind the padded keys; secrets are few and live as long as the configuration. */
const keys = new WeakMap<Uint8Array, HmacKey>();

/** HMAC-MD5 over the parts, one after the other. */
export function hmacMd5(secret: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  let key = keys.get(secret);
  if (key === undefined) keys.set(secret, (key = hmacKey(secret)));
  shared.restart(key.inner, BLOCK);
  for (const part of parts) shared.update(part);
  const digest = shared.digest();
  shared.restart(key.outer, BLOCK);
  shared.update(digest);
  return shared.digest();
}

function hmacKey(secret: Uint8Array): HmacKey {
  const key = secret.length > BLOCK ? md5(secret) : secret;
  const padded = (pad: number): Int32Array => {
    const block = new Uint8Array(BLOCK).fill(pad);
    for (const [index, byte] of key.entries()) block[index] = byte ^ pad;
    shared.restart();
    shared.update(block);
    return shared.state;
  };
  return { inner: padded(0x36), outer: padded(0x5c) };
}
