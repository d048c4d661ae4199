/** A line in the log every few seconds of work that takes long, so that nobody thinks it hangs. */
import type { Logger } from "pino";

const EVERY_MS = 5000;

export class Progress {
  #saidAt: number;
  #done = 0;

  constructor(
    private readonly log: Logger,
    private readonly what: string,
    /** Milliseconds since some moment; never steps. */
    private readonly steadyClock: () => number,
  ) {
    this.#saidAt = steadyClock();
  }

  /** `left`: how many are still to be done, where that is known. */
  done(count: number, left?: number): void {
    this.#done += count;
    // A clock is asked now and then only: this is called for each of a million.
    if (this.#done % 1000 >= count) return;
    const now = this.steadyClock();
    if (now - this.#saidAt < EVERY_MS) return;
    this.#saidAt = now;
    this.log.info({ done: this.#done, ...(left !== undefined && { left }) }, this.what);
  }
}
