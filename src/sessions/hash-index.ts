/**
 * An index from text keys to slots (small integers) that stores no key: 20 bytes an entry, where a Map of strings takes
 * a hundred. A lookup yields every slot whose key has the same 32-bit hash; the caller looks whether it is the right one.
 */

/** No entry: what memory is full of that nobody has touched, so that room in reserve costs none. */
export const NONE = 0;
const FIRST_ENTRY = 1;
const FIELDS = 5;
const [HASH, SLOT, NEXT, PREVIOUS, NEXT_OF_SLOT] = [0, 1, 2, 3, 4] as const;

export class HashIndex {
  #buckets = new Int32Array(1024);
  #entries = new Int32Array(1024 * FIELDS);
  /** First entry of each slot. */
  #ofSlot = new Int32Array(1024);
  #used = FIRST_ENTRY;
  #free = NONE;
  #size = 0;
  /** Of the keys that wait for `addStaged`: their hashes, and what their buckets hold. */
  #hashes = new Int32Array(16);
  #heads = new Int32Array(16);
  #staged = 0;

  get size(): number {
    return this.#size;
  }

  /** Makes room for that many more, so that nothing has to move while they come. */
  reserve(slots: number, keys: number): void {
    this.#ofSlot = withRoom(this.#ofSlot, this.#ofSlot.length + slots);
    this.#entries = withRoom(this.#entries, (this.#used + keys) * FIELDS);
    while (this.#buckets.length < this.#size + keys) this.#rehash();
  }

  add(slot: number, key: string): void {
    this.stage(key);
    this.addStaged(slot);
  }

  /** Notes a key for `addStaged`; it may be given in two parts, so that nobody has to join them. */
  stage(key: string, rest = ""): void {
    if (this.#staged === this.#hashes.length) {
      this.#hashes = grown(this.#hashes, this.#staged + 1);
      this.#heads = new Int32Array(this.#hashes.length);
    }
    this.#hashes[this.#staged++] = hashOf(key, rest);
  }

  /**
   * Adds the keys that were noted. Of a million sessions each bucket is in a line of memory that no cache has: all are
   * read before the first is changed, so that the processor waits for them at once.
   */
  addStaged(slot: number): void {
    const count = this.#staged;
    this.#staged = 0;
    while (this.#buckets.length < this.#size + count) this.#rehash();
    for (let at = 0; at < count; at++)
      this.#heads[at] = this.#buckets[this.#bucketOf(this.#hashes[at] as number)] as number;
    for (let at = 0; at < count; at++) this.#add(slot, this.#hashes[at] as number);
  }

  #add(slot: number, hash: number): void {
    const entry = this.#allocate();
    this.#set(entry, HASH, hash);
    this.#set(entry, SLOT, slot);
    this.#linkToBucket(entry, hash);
    if (slot >= this.#ofSlot.length) this.#ofSlot = grown(this.#ofSlot, slot + 1);
    this.#set(entry, NEXT_OF_SLOT, this.#ofSlot[slot] as number);
    this.#ofSlot[slot] = entry;
    this.#size += 1;
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
    for (let entry = this.first(key); entry !== NONE; entry = this.next(entry)) yield this.slotOf(entry);
  }

  /** The same by hand, for who asks often: the first entry, the one behind it, the slot of each. */
  first(key: string, rest = ""): number {
    const hash = hashOf(key, rest);
    return this.#ofHash(hash, this.#buckets[this.#bucketOf(hash)] as number);
  }

  next(entry: number): number {
    return this.#ofHash(this.#get(entry, HASH), this.#get(entry, NEXT));
  }

  slotOf(entry: number): number {
    return this.#get(entry, SLOT);
  }

  /** The first entry of that hash in the chain from `entry` on. */
  #ofHash(hash: number, entry: number): number {
    let candidate = entry;
    while (candidate !== NONE && this.#get(candidate, HASH) !== hash) candidate = this.#get(candidate, NEXT);
    return candidate;
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

  /** What was first is not told of the one before it: that would be one line of memory more that no cache has. */
  #linkToBucket(entry: number, hash: number): void {
    const bucket = this.#bucketOf(hash);
    this.#set(entry, NEXT, this.#buckets[bucket] as number);
    this.#set(entry, PREVIOUS, NONE);
    this.#buckets[bucket] = entry;
  }

  #unlinkFromBucket(entry: number): void {
    const bucket = this.#bucketOf(this.#get(entry, HASH));
    const next = this.#get(entry, NEXT);
    const previous = this.#previousOf(entry, bucket);
    if (next !== NONE) this.#set(next, PREVIOUS, previous);
    if (previous !== NONE) this.#set(previous, NEXT, next);
    else this.#buckets[bucket] = next;
  }

  /**
   * NONE of the first of the bucket. Others may not know yet: then all in front of it are told, each once, so that long
   * chains, of a key that many share, are not gone through at every removal.
   */
  #previousOf(entry: number, bucket: number): number {
    let at = this.#buckets[bucket] as number;
    if (at === entry) return NONE;
    const known = this.#get(entry, PREVIOUS);
    if (known !== NONE) return known;
    while (at !== entry) {
      const next = this.#get(at, NEXT);
      this.#set(next, PREVIOUS, at);
      at = next;
    }
    return this.#get(entry, PREVIOUS);
  }

  /** Twice as many buckets: each chain becomes two, in the order that it had. */
  #rehash(): void {
    const before = this.#buckets;
    this.#buckets = new Int32Array(before.length * 2);
    if (this.#size === 0) return;
    for (const first of before) {
      let [low, high] = [NONE, NONE];
      for (let entry = first, next = NONE; entry !== NONE; entry = next) {
        next = this.#get(entry, NEXT);
        const bucket = this.#bucketOf(this.#get(entry, HASH));
        const last = bucket < before.length ? low : high;
        if (last === NONE) this.#buckets[bucket] = entry;
        else this.#set(last, NEXT, entry);
        this.#set(entry, PREVIOUS, last);
        this.#set(entry, NEXT, NONE);
        if (bucket < before.length) low = entry;
        else high = entry;
      }
    }
  }
}

/** A copy with room for at least `needed` and half as much again, so that adding stays cheap on average. */
function grown(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  return withRoom(array, Math.ceil(Math.max(needed, array.length) * 1.5));
}

function withRoom(array: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  if (needed <= array.length) return array;
  const larger = new Int32Array(needed);
  larger.set(array);
  return larger;
}

/** FNV-1a over UTF-16 code units, with a final mix, since buckets are taken from the low bits. */
function hashOf(key: string, rest: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  for (let at = 0; at < rest.length; at++) hash = Math.imul(hash ^ rest.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
