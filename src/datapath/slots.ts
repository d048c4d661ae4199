/** Indices into a kernel array. A freed one is used again as late as possible, and not while packets may still meet it. */

/** Longer than any packet takes from its match to its copy. */
const QUARANTINE_MS = 100;

interface Freed {
  readonly slot: number;
  readonly at: number;
}

export class Slots {
  #next: number;
  readonly #freed: Freed[] = [];
  #firstFreed = 0;
  #used = 0;
  #isNew = true;
  #lastIsFresh = false;

  /** Slots from `first` to `capacity - 1`. `now` in milliseconds, monotonic. */
  constructor(
    readonly capacity: number,
    first = 0,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#next = first;
  }

  get used(): number {
    return this.#used;
  }

  /** Undefined where all are taken. */
  take(): number | undefined {
    this.#lastIsFresh = this.#isNew && this.#next < this.capacity;
    const slot = this.#next < this.capacity ? this.#next++ : this.#reuse();
    if (slot !== undefined) this.#used++;
    return slot;
  }

  /** The slot that was taken last has never been used: the kernel's rows are as they were made, zero. */
  get lastIsFresh(): boolean {
    return this.#lastIsFresh;
  }

  free(slot: number): void {
    this.#used--;
    this.#freed.push({ slot, at: this.now() });
  }

  /** Marks what an earlier run left as taken. Call before any `take`. */
  adopt(taken: ReadonlySet<number>): void {
    const first = this.#next;
    let end = first;
    for (const slot of taken) end = Math.max(end, slot + 1);
    for (let slot = first; slot < end; slot++)
      if (!taken.has(slot)) this.#freed.push({ slot, at: Number.NEGATIVE_INFINITY });
    this.#next = end;
    this.#used = taken.size;
    this.#isNew = false;
  }

  #reuse(): number | undefined {
    const oldest = this.#freed[this.#firstFreed];
    if (!oldest) return undefined;
    const wait = oldest.at + QUARANTINE_MS - this.now();
    // Only where a table is all but full and changes fast; better a pause of the control plane than a mixed-up copy.
    if (wait > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
    this.#firstFreed++;
    if (this.#firstFreed > 1024 && this.#firstFreed * 2 > this.#freed.length) {
      this.#freed.splice(0, this.#firstFreed);
      this.#firstFreed = 0;
    }
    return oldest.slot;
  }
}
