/** Keeps the stored records in step with those in memory: what changes often is written once. */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { RecordVersion, SessionRecords, Settle, WriteConflicts } from "../bus/ports.js";
import type { RecordCodec } from "../sessions/record-codec.js";
import type { Session, Transition } from "../sessions/session.js";
import { settleRecords } from "./record-conflicts.js";

const RETRY_MS = 1000;

interface Change {
  /** Undefined: to be removed. */
  readonly session: Session | undefined;
  /** Stream sequence of the event that made it so. */
  readonly seq: number;
  readonly isUnsaid: boolean;
  /** Whether the bucket may hold an older record of that key. */
  readonly stored: boolean;
}

export interface PersistenceEvents {
  conflicts(conflicts: WriteConflicts): void;
  /** What the records were kept in was gone, and is there again without them: all have to be noted. */
  madeAnew(): void;
}

export class Persistence {
  #changed = new Map<string, Change>();
  #writing: Promise<void> | undefined;
  #stopped = false;
  readonly #settle: Settle;

  constructor(
    private readonly records: SessionRecords,
    private readonly codec: RecordCodec,
    private readonly log: Logger,
    private readonly events: PersistenceEvents,
  ) {
    this.#settle = settleRecords(codec);
  }

  note({ before, after, seq, isUnsaid = false }: Transition): void {
    const [oldKey, newKey] = [before && this.codec.key(before), after && this.codec.key(after)];
    if (oldKey !== undefined && oldKey !== newKey) this.#forget(oldKey, seq ?? after?.seq ?? 0, isUnsaid);
    if (newKey !== undefined && after !== undefined) {
      const stored = this.#changed.get(newKey)?.stored ?? oldKey === newKey;
      this.#changed.set(newKey, { session: after, seq: after.seq, isUnsaid: false, stored });
    }
  }

  /** What began and ended between two writes was never stored, and leaves nothing to remove. */
  #forget(key: string, seq: number, isUnsaid: boolean): void {
    const stored = this.#changed.get(key)?.stored ?? true;
    if (stored) this.#changed.set(key, { session: undefined, seq, isUnsaid, stored });
    else this.#changed.delete(key);
  }

  /** Resolves when everything noted before this call is stored. */
  async flush(): Promise<void> {
    // A write on its way may have left before the latest change was noted: it is followed by one more.
    while (this.#writing !== undefined) await this.#writing;
    if (this.#changed.size === 0) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Gives up retrying: what is not stored comes again from the stream. */
  stop(): void {
    this.#stopped = true;
  }

  async #write(): Promise<void> {
    const changes = this.#changed;
    this.#changed = new Map();
    const encoded = new Map(
      [...changes].map(([key, { session, seq, isUnsaid }]): [string, RecordVersion] => [
        key,
        { seq, data: session && this.codec.encode(key, session), isUnsaid },
      ]),
    );
    for (;;) {
      try {
        this.events.conflicts(await this.records.write(encoded, this.#settle));
        return;
      } catch (error) {
        if (this.#stopped) throw error;
        this.log.warn(
          { reason: (error as Error).message, records: encoded.size },
          "session records cannot be stored; trying on",
        );
        if (await this.#isMadeAnew()) this.events.madeAnew();
        await delay(RETRY_MS);
      }
    }
  }

  async #isMadeAnew(): Promise<boolean> {
    return await this.records.restore().catch(() => false);
  }
}
