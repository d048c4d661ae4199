/**
 * Events on their way to JetStream. While the bus stores them, straight; from the first that it does not store, through
 * the spool, until that has drained: so that they arrive in order, and once, since the bus knows them by their ids.
 */
import { WaitingLine } from "../bus/waiting-line.js";
import type { PublishedEvent } from "../events/types.js";
import type { Cancel, Clock, Log } from "./ports.js";
import type { Spool } from "./spool.js";

export type StoreOutcome = "stored" | "spooled" | "lost";

export interface OutboxOptions {
  readonly publish: (event: PublishedEvent) => Promise<void>;
  /** Absent: what the bus does not store is lost, and nothing is acknowledged for it. */
  readonly spool: Spool<PublishedEvent> | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the bus may take to store an event. */
  readonly timeoutMs: number;
  /** Waits between tries while the bus is away. */
  readonly retryMs: number;
}

/** Events under way to the bus at once; more than that, and the bus counts as away. */
const MAX_IN_FLIGHT = 8192;
/** Events that are taken out of the spool at a time. */
const BATCH = 256;
const CLOSE_POLL_MS = 10;

interface InFlight {
  readonly event: PublishedEvent;
  readonly settle: (outcome: StoreOutcome) => void;
  /** On the monotonic clock. */
  since: number;
}

export class Outbox {
  readonly #inFlight = new WaitingLine<InFlight>();
  #draining: Promise<void> | undefined;
  /** While the last of the spool is on its way, what comes meanwhile waits here: else new events would keep it open for ever. */
  #held: InFlight[] | undefined;
  #closing = false;
  /** Set while something is in flight: one timer for all, since all may take equally long. */
  #overdue: Cancel | undefined;
  #wake: (() => void) | undefined;

  constructor(private readonly options: OutboxOptions) {
    if (options.spool?.isEmpty === false) this.#drain(options.spool);
  }

  /** Whether events take the way through the spool at the moment. */
  get isSpooling(): boolean {
    return this.#draining !== undefined;
  }

  /** Resolves when the event is safe, or cannot be made so. Never rejects. */
  store(event: PublishedEvent): Promise<StoreOutcome> {
    if (this.#draining !== undefined && this.#held === undefined) return this.#spool(event);
    return new Promise((resolve) => {
      const entry: InFlight = { event, settle: resolve, since: 0 };
      if (this.#held === undefined) this.#straight(entry);
      else this.#held.push(entry);
    });
  }

  /** Publishes without the spool: for what must be acted on now or not at all. Never rejects. */
  async publishNow(event: PublishedEvent): Promise<boolean> {
    return this.#publish(event);
  }

  /** Resolves when nothing is under way any more; what is in the spool stays there. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    // Each of them is over within the time-out: stored, or diverted.
    while (this.#inFlight.size > 0)
      await new Promise((resolve) => this.options.clock.after(CLOSE_POLL_MS, () => resolve(undefined)));
    await this.#draining;
    await this.options.spool?.close();
  }

  #straight(entry: InFlight): void {
    const { publish, clock, timeoutMs } = this.options;
    const number = this.#inFlight.join(entry);
    if (this.#inFlight.size > MAX_IN_FLIGHT) return this.#divert();
    entry.since = clock.monotonic();
    if (this.#overdue === undefined) this.#overdue = clock.after(timeoutMs, () => this.#lookForOverdue());
    // What was diverted meanwhile, the spool answers for.
    publish(entry.event).then(
      () => this.#inFlight.leave(number)?.settle("stored"),
      () => {
        if (this.#inFlight.has(number)) this.#divert();
      },
    );
  }

  /** The oldest comes first. */
  #lookForOverdue(): void {
    this.#overdue = undefined;
    const oldest = this.#inFlight.first;
    if (oldest === undefined) return;
    const { clock, timeoutMs } = this.options;
    const left = oldest.since + timeoutMs - clock.monotonic();
    if (left <= 0) this.#divert();
    else this.#overdue = clock.after(left, () => this.#lookForOverdue());
  }

  /** Everything that is under way goes to the spool, in its order: what the bus has stored already it will know by its id. */
  #divert(): void {
    const waiting = this.#inFlight.leaveBefore(this.#inFlight.next);
    for (const { event, settle } of waiting) void this.#spool(event).then(settle);
    const { spool, log } = this.options;
    if (this.#draining !== undefined || spool === undefined || this.#closing) return;
    log.warn({}, "the bus does not store events: they go to the spool until it does");
    this.#drain(spool);
  }

  async #spool(event: PublishedEvent): Promise<StoreOutcome> {
    const { spool, log } = this.options;
    if (spool === undefined) return "lost";
    try {
      await spool.append(event);
      return "spooled";
    } catch (error) {
      log.error(
        { reason: (error as Error).name },
        "an event could not be written to the spool: check its size and the disk",
      );
      return "lost";
    }
  }

  #drain(spool: Spool<PublishedEvent>): void {
    this.#draining = this.#drainAll(spool);
  }

  /** Until the spool is empty, or we close. */
  async #drainAll(spool: Spool<PublishedEvent>): Promise<void> {
    const { log } = this.options;
    while (!this.#closing) {
      try {
        const progress = await this.#drainBatch(spool);
        if (progress === "empty") return this.#goStraight();
        if (progress === "last") this.#held ??= [];
        else this.#releaseToSpool();
        if (progress === "more" || progress === "last") continue;
      } catch (error) {
        this.#releaseToSpool();
        log.error({ reason: (error as Error).name }, "the spool cannot be read: check the disk");
      }
      await this.#pause();
    }
    this.#releaseToSpool();
  }

  async #drainBatch(spool: Spool<PublishedEvent>): Promise<"more" | "last" | "empty" | "stuck"> {
    const batch = await spool.read(BATCH);
    const { records } = batch;
    if (records.length === 0 && spool.isEmpty) return "empty";
    if (records.length === 0) {
      await spool.written();
      return "last";
    }
    const stored = await Promise.all(records.map((event) => this.#publish(event)));
    const failed = stored.indexOf(false);
    // What was stored behind the first failure is published again, and known to the bus by its id.
    const done = failed === -1 ? records.length : failed;
    await batch.commit(done);
    if (failed !== -1) return done > 0 ? "more" : "stuck";
    return records.length < BATCH ? "last" : "more";
  }

  /** At once, not when the drain's promise settles: what was held goes first, in its order, and then what comes next. */
  #goStraight(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#draining = undefined;
    this.options.log.info({}, "the spool has drained");
    for (const entry of held) this.#straight(entry);
  }

  #releaseToSpool(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { event, settle } of held) void this.#spool(event).then(settle);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(this.options.retryMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #publish(event: PublishedEvent): Promise<boolean> {
    return new Promise((resolve) => {
      let cancel: Cancel | undefined = this.options.clock.after(this.options.timeoutMs, () => resolve(false));
      const settle = (stored: boolean) => {
        cancel?.();
        cancel = undefined;
        resolve(stored);
      };
      this.options.publish(event).then(
        () => settle(true),
        () => settle(false),
      );
    });
  }
}
