/**
 * When what has an end is over. Deadlines are kept on a clock that nobody steps, as the kernel keeps its own: the wall clock
 * is asked once, when the deadline is set.
 */
export class Deadlines<K> {
  readonly #deadlines = new Map<K, number>();

  constructor(
    /** Unix time in milliseconds. */
    private readonly wallClock: () => number,
    /** Milliseconds since some moment. */
    private readonly steadyClock: () => number,
  ) {}

  get size(): number {
    return this.#deadlines.size;
  }

  /** `notAfter`: Unix time in milliseconds. A deadline that was set before is replaced. */
  set(key: K, notAfter: number): void {
    this.#deadlines.set(key, this.steadyClock() + (notAfter - this.wallClock()));
  }

  delete(key: K): void {
    this.#deadlines.delete(key);
  }

  /** Takes out what is over. */
  takeOverdue(): K[] {
    const now = this.steadyClock();
    const overdue = [...this.#deadlines].filter(([, deadline]) => deadline <= now).map(([key]) => key);
    for (const key of overdue) this.#deadlines.delete(key);
    return overdue;
  }
}
