/** The bus in memory: what was sent, and session records that outlive an agent. */
import type {
  RecordReader,
  RecordVersion,
  Sender,
  SessionRecords,
  Settle,
  WriteConflicts,
} from "../../src/bus/ports.js";
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

interface Revision {
  readonly revision: number;
  readonly seq: number;
  readonly isUnsaid: boolean;
}

/** Compares and sets like the bucket. One made of another is the same bucket, as another agent sees it. */
export class MemoryRecords implements SessionRecords {
  /** Records by key; what was removed is not among them. */
  readonly stored: Map<string, Uint8Array>;
  readonly #revisions: Map<string, Revision>;
  readonly #known = new Map<string, number>();
  writes = 0;
  removals = 0;
  /** Rejects writes with it while set. */
  failure: Error | undefined;

  constructor(other?: MemoryRecords) {
    this.stored = other?.stored ?? new Map();
    this.#revisions = other?.revisions ?? new Map();
  }

  get revisions(): Map<string, Revision> {
    return this.#revisions;
  }

  async load(keyPrefixes: readonly string[], reader: RecordReader): Promise<void> {
    for (const [key, data] of this.stored) {
      if (keyPrefixes.length > 0 && !keyPrefixes.some((prefix) => key.startsWith(prefix))) continue;
      this.#known.set(key, this.#revisions.get(key)?.revision ?? 0);
      reader.record(key, data, true);
    }
    for (const [key, { seq, isUnsaid }] of this.#revisions) if (isUnsaid) reader.ended(key, seq);
    await Promise.resolve();
  }

  async write(changes: ReadonlyMap<string, RecordVersion>, settle: Settle): Promise<WriteConflicts> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    const conflicts = { theirs: 0, ours: 0 };
    for (const [key, ours] of changes) {
      const there = this.#revisions.get(key);
      const isUndisputed = there === undefined || there.revision === this.#known.get(key);
      const agreed = isUndisputed ? ours : settle(key, ours, { seq: there.seq, data: this.stored.get(key) });
      if (!isUndisputed) conflicts[agreed === undefined ? "theirs" : "ours"] += 1;
      if (agreed !== undefined) this.#set(key, agreed);
    }
    return conflicts;
  }

  async restore(): Promise<boolean> {
    return await Promise.resolve(false);
  }

  #set(key: string, { seq, data, isUnsaid = false }: RecordVersion): void {
    const revision = (this.#revisions.get(key)?.revision ?? 0) + 1;
    this.#revisions.set(key, { revision, seq, isUnsaid });
    this.#known.set(key, revision);
    if (data === undefined) this.removals += 1;
    else this.writes += 1;
    if (data === undefined) this.stored.delete(key);
    else this.stored.set(key, data);
  }
}
