/**
 * What a removed record leaves behind in the bucket: a marker, so that an agent that lags does not bring the record back.
 * After a while nobody lags that far, and it goes; else the bucket would grow with every session that ever was. That of a
 * session whose end no event says stays as long as the events that speak of the session.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { SESSION_STREAM } from "./streams.js";

/** Milliseconds. */
const KEPT_MS = 3_600_000;
/** What does not fit is found again by the next agent that reads the bucket. */
const MAX_WAITING = 1_000_000;
const IN_FLIGHT = 20;

interface Marker {
  readonly key: string;
  readonly revision: number;
}

export class MarkerPurge {
  /** From when on they may go: Unix time in milliseconds. */
  #waiting: { readonly marker: Marker; readonly dueAt: number }[] = [];

  constructor(
    private readonly manager: JetStreamManager,
    private readonly subjectPrefix: string,
    /** How long events can be read again; milliseconds. */
    private readonly eventsKeptMs: number,
    private readonly clock: () => number = Date.now,
  ) {}

  /** `writtenAt`: Unix time in milliseconds. `isUnsaid`: of a session whose end no event says. */
  add(key: string, revision: number, writtenAt: number, isUnsaid: boolean): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    const keptMs = isUnsaid ? this.eventsKeptMs + KEPT_MS : KEPT_MS;
    this.#waiting.push({ marker: { key, revision }, dueAt: writtenAt + keptMs });
  }

  /** Purges those that are due. Returns their number. */
  async purge(): Promise<number> {
    const now = this.clock();
    const due = this.#waiting.filter(({ dueAt }) => dueAt <= now);
    if (due.length === 0) return 0;
    this.#waiting = this.#waiting.filter(({ dueAt }) => dueAt > now);
    const queue = due.values();
    const worker = async (): Promise<void> => {
      for (const { marker } of queue) await this.#purgeOne(marker);
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, due.length) }, worker));
    return due.length;
  }

  /** Up to the marker: what another agent has stored under the key since stays. */
  async #purgeOne({ key, revision }: Marker): Promise<void> {
    await this.manager.streams.purge(SESSION_STREAM, { filter: `${this.subjectPrefix}${key}`, seq: revision + 1 });
  }
}
