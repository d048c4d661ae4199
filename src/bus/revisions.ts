/**
 * What revision each key of a bucket was seen at last: a guess, which the server checks at every write. A guess that is
 * wrong (two keys of one hash, a write of another agent) costs one reading. 24 bytes a key, where a Map of strings takes
 * a hundred. Open addressing, at most half full.
 */
const FIRST_CAPACITY = 1 << 12;
const NEVER = -1;

export class Revisions {
  #hashes = new Uint32Array(FIRST_CAPACITY);
  /** Stream sequences of the bucket. NEVER: the place is free; 0: the key is not there any more. */
  #revisions = new Float64Array(FIRST_CAPACITY).fill(NEVER);
  #used = 0;

  /** 0 where the key is not there, as far as is known. */
  of(key: string): number {
    return Math.max(0, this.#revisions[this.#placeOf(hashOf(key))] as number);
  }

  /** Makes room for that many keys more, so that nothing has to move while they come. */
  reserve(keys: number): void {
    const needed = 2 * (this.#used + keys);
    if (needed > this.#revisions.length) this.#move(2 ** Math.ceil(Math.log2(needed)));
  }

  /** `revision` 0: nothing is there. */
  set(key: string, revision: number): void {
    this.#put(hashOf(key), revision);
    if (this.#used * 2 > this.#revisions.length) this.#rebuild();
  }

  #put(hash: number, revision: number): void {
    const place = this.#placeOf(hash);
    if (this.#revisions[place] === NEVER) this.#used += 1;
    this.#hashes[place] = hash;
    this.#revisions[place] = revision;
  }

  /** Where the hash is, or the free place where it would be. */
  #placeOf(hash: number): number {
    const mask = this.#revisions.length - 1;
    let place = hash & mask;
    while (this.#revisions[place] !== NEVER && this.#hashes[place] !== hash) place = (place + 1) & mask;
    return place;
  }

  /** Leaves out keys that are not there any more; larger where many are. */
  #rebuild(): void {
    const { length } = this.#revisions;
    const live = this.#revisions.reduce((count, revision) => count + (revision > 0 ? 1 : 0), 0);
    this.#move(live * 4 > length ? length * 2 : length);
  }

  #move(capacity: number): void {
    const [hashes, revisions] = [this.#hashes, this.#revisions];
    this.#hashes = new Uint32Array(capacity);
    this.#revisions = new Float64Array(capacity).fill(NEVER);
    this.#used = 0;
    for (let at = 0; at < hashes.length; at++) {
      if ((revisions[at] as number) > 0) this.#put(hashes[at] as number, revisions[at] as number);
    }
  }
}

/** FNV-1a with a final mix: keys of a NAS differ in their last characters alone. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
