/** Prefixes in the order of their bits, so that those inside another stand right behind it. Pure. */

/** A prefix as its bits, zone first: the key of a kernel trie without the length. */
export interface OrderedPrefix {
  readonly id: string;
  /** Bytes as a latin1 string, so that comparing strings compares bits. */
  readonly bits: string;
  readonly length: number;
}

export function orderedPrefix(id: string, trieKey: Buffer): OrderedPrefix {
  return { id, bits: trieKey.toString("latin1", 4), length: trieKey.readUInt32LE(0) };
}

function compare(a: OrderedPrefix, b: OrderedPrefix): number {
  if (a.bits !== b.bits) return a.bits < b.bits ? -1 : 1;
  return a.length - b.length;
}

function masked(bits: string, length: number): string {
  const bytes = Buffer.from(bits, "latin1");
  for (let index = 0; index < bytes.length; index++) {
    const kept = Math.min(8, Math.max(0, length - index * 8));
    bytes[index] = (bytes[index] ?? 0) & (0xff << (8 - kept));
  }
  return bytes.toString("latin1");
}

export class PrefixOrder {
  readonly #sorted: OrderedPrefix[] = [];
  readonly #byPlace = new Map<string, OrderedPrefix>();
  /** How many prefixes there are of each length. */
  readonly #lengths = new Map<number, number>();

  add(prefix: OrderedPrefix): void {
    this.#sorted.splice(this.#position(prefix), 0, prefix);
    this.#byPlace.set(`${prefix.length}:${prefix.bits}`, prefix);
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
  }

  remove(prefix: OrderedPrefix): void {
    this.#sorted.splice(this.#position(prefix), 1);
    this.#byPlace.delete(`${prefix.length}:${prefix.bits}`);
    const left = (this.#lengths.get(prefix.length) ?? 1) - 1;
    if (left === 0) this.#lengths.delete(prefix.length);
    else this.#lengths.set(prefix.length, left);
  }

  /** Those that hold `prefix`, itself not among them. */
  covering(prefix: OrderedPrefix): OrderedPrefix[] {
    const shorter = [...this.#lengths.keys()].filter((length) => length < prefix.length);
    return shorter.flatMap((length) => this.#byPlace.get(`${length}:${masked(prefix.bits, length)}`) ?? []);
  }

  /** Those inside `prefix`, itself not among them. */
  covered(prefix: OrderedPrefix): OrderedPrefix[] {
    const inside: OrderedPrefix[] = [];
    for (let at = this.#position(prefix); at < this.#sorted.length; at++) {
      const candidate = this.#sorted[at];
      if (!candidate || masked(candidate.bits, prefix.length) !== prefix.bits) break;
      if (candidate.length > prefix.length) inside.push(candidate);
    }
    return inside;
  }

  /** Where `prefix` is or would be. */
  #position(prefix: OrderedPrefix): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.#sorted[middle];
      if (at && compare(at, prefix) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
