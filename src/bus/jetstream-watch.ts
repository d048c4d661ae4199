/**
 * Looks whether JetStream answers. A nats-server (2.9) that has met a full disk takes connections and answers nothing any
 * more, not even when there is room again: only a new start helps.
 */
export interface JetStreamWatchOptions {
  /** Rejects where nobody answers in time. */
  readonly ask: () => Promise<unknown>;
  /** Called once for each time of silence. */
  readonly onSilent: () => void;
  /** So many questions in a row without an answer are silence. */
  readonly failures: number;
}

export class JetStreamWatch {
  #failed = 0;
  #isAsking = false;

  constructor(private readonly options: JetStreamWatchOptions) {}

  /** To be called every now and then. */
  async look(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.options.ask();
      this.#failed = 0;
    } catch {
      this.#failed += 1;
      if (this.#failed % this.options.failures === 0) this.options.onSilent();
    } finally {
      this.#isAsking = false;
    }
  }
}
