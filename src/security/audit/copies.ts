/**
 * Copies of the audit entries leave the node at once. What could not be sent is read back from the log: nothing is kept in
 * memory but what is on its way.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LogReader } from "./reader.js";

/** Where copies go; the stream AUDIT, or a test's memory. */
export interface AuditSink {
  /** Sequence of the last copy there of this node's entries; 0 where there is none. */
  last(): Promise<number>;
  /** Resolves when the copy is stored. The same `id` twice is stored once. `line`: without a newline. */
  store(line: Uint8Array, id: string): Promise<void>;
}

export interface CopiesOptions {
  readonly directory: string;
  readonly sink: AuditSink;
  /** Sequence of the last entry on the disk. */
  readonly committed: () => number;
  readonly onError: (reason: string) => void;
}

const IN_FLIGHT = 256;
const RETRY_MS = 1000;

export class AuditCopies {
  #copied = 0;
  #stopped = false;
  #reader: LogReader | undefined;
  #wake: (() => void) | undefined;
  readonly #done: Promise<void>;

  constructor(private readonly options: CopiesOptions) {
    this.#done = this.#run();
  }

  /** Sequence up to which every entry has its copy. */
  get copied(): number {
    return this.#copied;
  }

  /** Entries are on the disk that were not there before. */
  notify(): void {
    this.#wake?.();
  }

  /** Sends what is left where that is possible at once, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
    this.#reader?.close();
  }

  async #begin(): Promise<void> {
    this.#copied = await this.options.sink.last();
    this.#reader = new LogReader(this.options.directory, this.#copied + 1);
  }

  async #run(): Promise<void> {
    let known = false;
    for (;;) {
      try {
        if (!known) await this.#begin();
        known = true;
        await this.#send();
        if (this.#stopped) return;
        await this.#untilNotified();
      } catch (error) {
        if (this.#stopped) return;
        // What is not known to be there is sent again; the stream knows it by its id.
        known = false;
        this.#reader?.close();
        this.options.onError((error as Error).message);
        await Promise.race([delay(RETRY_MS), this.#untilStopped()]);
      }
    }
  }

  /** Until every entry on the disk has its copy. A stream that has more copies than we entries is for `audit verify` to tell. */
  async #send(): Promise<void> {
    const { sink, committed } = this.options;
    while (this.#copied < committed()) {
      const upTo = committed();
      const entries = this.#reader?.next(IN_FLIGHT, upTo) ?? [];
      await Promise.all(entries.map(({ line, id }) => sink.store(line, id)));
      this.#copied = entries.at(-1)?.seq ?? upTo;
    }
  }

  #untilNotified(): Promise<void> {
    if (this.#stopped || this.#copied < this.options.committed()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #untilStopped(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.#stopped) resolve();
      };
    });
  }
}
