/** Notifications on their way to one receiver: in order, tried again while it is away, bounded, and counted. */
import { setTimeout as delay } from "node:timers/promises";
import type { SnmpChannel } from "./snmp-session.js";
import type { SnmpNotification } from "./varbinds.js";

export interface OutboxOptions {
  /** Notifications that wait at most; beyond that the oldest goes. */
  readonly limit: number;
  /** How long one is tried, in milliseconds. */
  readonly keepMs: number;
  /** Wait between tries, in milliseconds. */
  readonly retryMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly counted: (result: "sent" | "retried" | "dropped", count: number) => void;
  /** The receiver is lost, or there again. */
  readonly changed: (isThere: boolean, reason: string | undefined) => void;
}

interface Waiting {
  readonly notification: SnmpNotification;
  readonly since: number;
}

const BATCH = 64;

export class NotificationOutbox {
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #isThere = true;
  readonly #stop = new AbortController();

  constructor(
    private readonly channel: SnmpChannel,
    private readonly options: OutboxOptions,
  ) {}

  get size(): number {
    return this.#waiting.length;
  }

  add(notification: SnmpNotification): void {
    const { limit, now, counted } = this.options;
    if (this.#waiting.length >= limit) {
      this.#waiting.shift();
      counted("dropped", 1);
    }
    this.#waiting.push({ notification, since: now() });
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Gives what waits one more try. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#working;
    if (this.#waiting.length > 0) this.options.counted("dropped", this.#waiting.length);
    this.channel.close();
  }

  async #work(): Promise<void> {
    for (;;) {
      const batch = this.#waiting.slice(0, BATCH);
      if (batch.length === 0) return;
      try {
        await this.channel.send(batch.map(({ notification }) => notification));
        this.#sent(batch);
      } catch (error) {
        this.#failed(batch, (error as Error).message);
        if (this.#stop.signal.aborted) return;
        await delay(this.options.retryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  #sent(batch: readonly Waiting[]): void {
    const done = new Set(batch);
    this.#waiting = this.#waiting.filter((waiting) => !done.has(waiting));
    this.options.counted("sent", batch.length);
    if (!this.#isThere) this.options.changed(true, undefined);
    this.#isThere = true;
  }

  #failed(batch: readonly Waiting[], reason: string): void {
    const { now, keepMs, counted, changed } = this.options;
    if (this.#isThere) changed(false, reason);
    this.#isThere = false;
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter(({ since }) => now() - since < keepMs);
    const dropped = before - this.#waiting.length;
    if (dropped > 0) counted("dropped", dropped);
    if (batch.length > dropped) counted("retried", batch.length - dropped);
  }
}
