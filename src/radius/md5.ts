/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), which RADIUS cannot do without. Of our own because a login takes about ten of
 * them over some hundred bytes, where making node:crypto's objects costs several times the hashing.
 * No use of MD5 beyond what the RADIUS RFCs ask for.
 */

const BLOCK = 64;
export const MD5_BYTES = 16;

const ROTATIONS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
].flatMap((round) => [...round, ...round, ...round, ...round]);
const SHIFTS = Uint8Array.from(ROTATIONS);
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
    for (let i = 0; i < 64; i++) {
      let mixed: number;
      let word: number;
      if (i < 16) {
        mixed = (b & c) | (~b & d);
        word = i;
      } else if (i < 32) {
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) & 15;
      } else if (i < 48) {
        mixed = b ^ c ^ d;
        word = (3 * i + 5) & 15;
      } else {
        mixed = c ^ (b | ~d);
        word = (7 * i) & 15;
      }
      const sum = (a + mixed + (SINES[i] as number) + (words[word] as number)) | 0;
      const shift = SHIFTS[i] as number;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
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
