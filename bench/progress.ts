/** One line that says how far things are; on a terminal it is written over, elsewhere only each round is told. */

const CLEAR_LINE = "\r\u001b[K";

export class Progress {
  readonly #begin = performance.now();
  readonly #isTerminal = process.stderr.isTTY;
  #told = "";

  constructor(private readonly total: number) {}

  /** `done` of `total` measurements; `what` is one short phrase that stays the same within a round. */
  show(done: number, what: string): void {
    if (!this.#isTerminal) {
      if (what !== this.#told) process.stderr.write(`${what}\n`);
      this.#told = what;
      return;
    }
    const left = done === 0 ? "" : `, ${this.#secondsLeft(done)} s left`;
    process.stderr.write(`${CLEAR_LINE}${what}: ${done} of ${this.total} measurements${left}`);
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write(CLEAR_LINE);
  }

  #secondsLeft(done: number): number {
    return Math.round(((performance.now() - this.#begin) / done) * (this.total - done) * 1e-3);
  }
}
