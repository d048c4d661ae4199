/** The bus in memory: what was sent, and session records that outlive an agent. */
import type { Sender, SessionRecords } from "../../src/bus/ports.js";
import type { EventResult } from "../../src/events/types.js";

export class RecordingSender implements Sender {
  readonly sent: { readonly subject: string; readonly payload: string }[] = [];

  send(subject: string, payload: string): void {
    this.sent.push({ subject, payload });
  }

  results(): EventResult[] {
    return this.#under("submirror.result.") as EventResult[];
  }

  /** Kinds of the intercept-related events, in order. */
  notifications(): string[] {
    return this.sent
      .filter(({ subject }) => subject.startsWith("submirror.li."))
      .map(({ subject }) => subject.split(".").at(-1) ?? "");
  }

  #under(prefix: string): unknown[] {
    return this.sent
      .filter(({ subject }) => subject.startsWith(prefix))
      .map(({ payload }) => JSON.parse(payload) as unknown);
  }
}

export class MemoryRecords implements SessionRecords {
  readonly stored = new Map<string, Uint8Array>();
  writes = 0;
  removals = 0;
  /** Rejects writes with it while set. */
  failure: Error | undefined;

  async load(keyPrefixes: readonly string[], onRecord: (key: string, data: Uint8Array) => void): Promise<void> {
    for (const [key, data] of this.stored) {
      if (keyPrefixes.length === 0 || keyPrefixes.some((prefix) => key.startsWith(prefix))) onRecord(key, data);
    }
    await Promise.resolve();
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    for (const [key, data] of changes) {
      if (data === undefined) this.removals += 1;
      else this.writes += 1;
      if (data === undefined) this.stored.delete(key);
      else this.stored.set(key, data);
    }
  }
}
