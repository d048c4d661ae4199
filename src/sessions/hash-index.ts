/**
 * An index from text keys to slots (small integers) that stores no key: 20 bytes an entry, where a Map of strings takes
 * a hundred. A lookup yields every slot whose key has the same 32-bit hash; the caller looks whether it is the right one.
 */
const NONE = -1;
const FIELDS = 5;
const [HASH, SLOT, NEXT, PREVIOUS, NEXT_OF_SLOT] = [0, 1, 2, 3, 4] as const;

export class HashIndex {
  #buckets = new Int32Array(1024).fill(NONE);
  #entries = new Int32Array(1024 * FIELDS);
  /** First entry of each slot. */
  #ofSlot = new Int32Array(1024).fill(NONE);
  #used = 0;
  #free = NONE;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(slot: number, key: string): void {
    const entry = this.#allocate();
    const hash = hashOf(key);
    this.#set(entry, HASH, hash);
    this.#set(entry, SLOT, slot);
    this.#linkToBucket(entry, hash);
    if (slot >= this.#ofSlot.length) this.#ofSlot = grown(this.#ofSlot, slot + 1);
    this.#set(entry, NEXT_OF_SLOT, this.#ofSlot[slot] as number);
    this.#ofSlot[slot] = entry;
    this.#size += 1;
    if (this.#size > this.#buckets.length) this.#rehash();
  }

  /** Removes every key of the slot. */
  removeSlot(slot: number): void {
    let entry = this.#ofSlot[slot] ?? NONE;
    while (entry !== NONE) {
      const next = this.#get(entry, NEXT_OF_SLOT);
      this.#unlinkFromBucket(entry);
      this.#set(entry, NEXT, this.#free);
      this.#free = entry;
      this.#size -= 1;
      entry = next;
    }
    if (slot < this.#ofSlot.length) this.#ofSlot[slot] = NONE;
  }

  /** Slots that may have the key, the one added last first. The index must not change meanwhile. */
  *slots(key: string): Generator<number> {
    const hash = hashOf(key);
    let entry = this.#buckets[this.#bucketOf(hash)] as number;
    while (entry !== NONE) {
      if (this.#get(entry, HASH) === hash) yield this.#get(entry, SLOT);
      entry = this.#get(entry, NEXT);
    }
  }

  #get(entry: number, field: number): number {
    return this.#entries[entry * FIELDS + field] as number;
  }

  #set(entry: number, field: number, value: number): void {
    this.#entries[entry * FIELDS + field] = value;
  }

  #bucketOf(hash: number): number {
    return hash & (this.#buckets.length - 1);
  }

  #allocate(): number {
    if (this.#free !== NONE) {
      const entry = this.#free;
      this.#free = this.#get(entry, NEXT);
      return entry;
    }
    if ((this.#used + 1) * FIELDS > this.#entries.length)
      this.#entries = grown(this.#entries, (this.#used + 1) * FIELDS);
    return this.#used++;
  }

  #linkToBucket(entry: number, hash: number): void {
    const bucket = this.#bucketOf(hash);
    const first = this.#buckets[bucket] as number;
    this.#set(entry, NEXT, first);
    this.#set(entry, PREVIOUS, NONE);
    if (first !== NONE) this.#set(first, PREVIOUS, entry);
    this.#buckets[bucket] = entry;
  }

  #unlinkFromBucket(entry: number): void {
    const next = this.#get(entry, NEXT);
    const previous = this.#get(entry, PREVIOUS);
    if (next !== NONE) this.#set(next, PREVIOUS, previous);
    if (previous !== NONE) this.#set(previous, NEXT, next);
    else this.#buckets[this.#bucketOf(this.#get(entry, HASH))] = next;
  }

  #rehash(): void {
    const live: number[] = [];
    for (const first of this.#buckets) {
      for (let entry = first; entry !== NONE; entry = this.#get(entry, NEXT)) live.push(entry);
    }
    this.#buckets = new Int32Array(this.#buckets.length * 2).fill(NONE);
    // Backwards, so that what was added last stays first in its chain.
    for (let at = live.length - 1; at >= 0; at--) {
      const entry = live[at] as number;
      this.#linkToBucket(entry, this.#get(entry, HASH));
    }
  }
}

/** A copy with room for at least `needed` and half as much again, so that adding stays cheap on average. */
function grown(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.ceil(Math.max(needed, array.length) * 1.5)).fill(NONE);
  larger.set(array);
  return larger;
}

/** FNV-1a over UTF-16 code units, with a final mix, since buckets are taken from the low bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
