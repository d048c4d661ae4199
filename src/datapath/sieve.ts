/** The Bloom filter in front of the host tables, as bpf/sieve.h asks it. A key's bits go when no other key has them. */

/**
 * Bits of the filter for each key at least, twice that at most: of the keys that are not there, 1 to 5 in 100 are looked
 * up in vain. More bits would leave a core's own cache sooner, which costs more.
 */
const BITS_A_KEY = 8;
const WORD_BITS = 64;
const FULL = 255;

/** Keys of hosts4 are 8 bytes (zone, address), those of hosts6 24 (zone, prefix length, address). */
const HOST4_BYTES = 8;

export interface SieveMap {
  /** Bits 0 to 31 of the word, and 32 to 63. */
  update(index: number, low: number, high: number): void;
}

/** As `spread` of sieve.h. */
function spread(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x7feb352d);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The multipliers of sieve.h. */
const ZONE = 0x9e3779b1;
const LENGTH = 0x85ebca77;
const WORD1 = 0xc2b2ae3d;
const WORD2 = 0x27d4eb2f;
const WORD3 = 0x165667b1;
const PLACES = 0x2c1b3c6d;

export function hashHostKey(key: Buffer): number {
  const word = (index: number): number => key.readUInt32LE(4 * index);
  if (key.length === HOST4_BYTES) return spread(word(1) ^ Math.imul(word(0), ZONE));
  let hash = Math.imul(word(0), ZONE) + Math.imul(word(1), LENGTH) + (word(2) ^ Math.imul(word(3), WORD1));
  if (word(1) === 128) hash += Math.imul(word(4), WORD2) + Math.imul(word(5), WORD3);
  return spread(hash | 0);
}

/** Words that a filter for `keys` keys has: a power of two. */
export function sieveWords(keys: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, (keys * BITS_A_KEY) / WORD_BITS)));
}

export class Sieve {
  /** Two halves a word, the low one first: whole ones would be BigInts, an object each. */
  readonly #halves: Uint32Array;
  /** How many keys have each bit; what reached FULL stays set. */
  readonly #uses: Uint8Array;

  /** `words` is a power of two. */
  constructor(
    readonly words: number,
    private readonly map: SieveMap,
  ) {
    this.#halves = new Uint32Array(2 * words);
    this.#uses = new Uint8Array(words * WORD_BITS);
  }

  get mask(): number {
    return this.words - 1;
  }

  add(key: Buffer): void {
    this.#change(key, 1);
  }

  remove(key: Buffer): void {
    this.#change(key, -1);
  }

  #change(key: Buffer, by: 1 | -1): void {
    const hash = hashHostKey(key);
    const index = (hash & this.mask) >>> 0;
    const places = Math.imul(hash, PLACES);
    const [first, second, third] = [places >>> 26, (places >>> 20) & 63, (places >>> 14) & 63];
    let changed = this.#count(index, first, by);
    if (second !== first) changed = this.#count(index, second, by) || changed;
    if (third !== first && third !== second) changed = this.#count(index, third, by) || changed;
    if (changed) this.map.update(index, this.#halves[2 * index] as number, this.#halves[2 * index + 1] as number);
  }

  /** One key more, or less, that has the bit. Returns whether that sets or clears it. */
  #count(index: number, bit: number, by: 1 | -1): boolean {
    const at = index * WORD_BITS + bit;
    const before = this.#uses[at] as number;
    if (before === FULL) return false;
    const uses = before + by;
    this.#uses[at] = uses;
    if (before > 0 && uses > 0) return false;
    const half = 2 * index + (bit >>> 5);
    const mask = 1 << (bit & 31);
    if (uses > 0) this.#halves[half] = (this.#halves[half] as number) | mask;
    else this.#halves[half] = (this.#halves[half] as number) & ~mask;
    return true;
  }
}
