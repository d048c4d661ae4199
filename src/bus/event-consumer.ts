/**
 * Reads the stream of events in its order, from where this agent left off. A durable consumer keeps the position.
 *
 * A pull consumer delivers again what was lost on the way, but only after a while and behind newer messages. Events must
 * not change places (a stop before its start), so whatever breaks the order makes the consumer start anew right behind
 * what is safely stored; what comes twice by that is skipped.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { type Delivery, deliveryOf } from "./delivery.js";
import type { EventHandler, EventMessage } from "./ports.js";
import { acknowledgedUpTo, type ConsumerPlace, isTakenOver, lastSequence, recreateConsumer } from "./streams.js";

/** Few enough that their objects die young, many enough that one write puts all their orders on record. */
const MAX_BATCH = 500;
const PREFETCH = 5000;
/** An acknowledgement covers all before it, so that it can wait a little for the next. */
const ACKNOWLEDGE_EVERY_MS = 10;
const RETRY_MS = 500;
/** Two that do not come mean that whoever leads the consumer is gone: it is asked for anew. */
const HEARTBEAT_MS = 1000;
/**
 * How long one request for messages stands. A server that came to lead the consumer before it led the stream (nats-server
 * 2.9.10) sends heartbeats but no message until it is asked again.
 */
const ASK_AGAIN_MS = 3000;

export interface EventConsumerOptions extends ConsumerPlace {
  readonly handler: EventHandler;
  readonly log: Logger;
  /** Another program reads under the same name now: this one gets nothing any more. */
  readonly onTakenOver?: () => void;
  /** The stream was made anew: its sequences have started over. */
  readonly onStreamReplaced?: () => void | Promise<void>;
}

export class EventConsumer {
  readonly #options: EventConsumerOptions;
  readonly #stop = new AbortController();
  #messages: ConsumerMessages | undefined;
  #queue: EventMessage[] = [];
  /** What was taken last and is in no batch yet; of the queue, or what only has to be acknowledged. */
  #last: JsMsg | undefined;
  #scheduled = false;
  /** What is to be acknowledged with the next acknowledgement. */
  #due: JsMsg | undefined;
  #acknowledging: NodeJS.Timeout | undefined;
  /** Stream sequence handed to the handler last, and the one up to which the handler has called it stored. */
  #handled = 0;
  #stored = 0;
  #nextDelivery = 1;
  /** Counts the streams: sequences of one that was replaced, or that another program reads now, say nothing. */
  #epoch = 0;
  /** Counts the starts: what belongs to an earlier one is ignored. */
  #generation = 0;
  #acknowledged: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager,
    options: EventConsumerOptions,
  ) {
    this.#options = options;
  }

  /** Finds the position and starts. Resolves to the number of messages that are waiting. */
  async start(): Promise<number> {
    this.#stored = (await acknowledgedUpTo(this.manager, this.#options.durable)) ?? 0;
    this.#handled = this.#stored;
    return await this.#open(++this.#generation);
  }

  /** Takes no more messages and waits until those taken are stored and acknowledged. */
  async stop(): Promise<void> {
    this.#end();
    await this.#messages?.close();
    await this.#acknowledged;
    this.#acknowledgeDue();
  }

  /** Starts anew behind what is stored: after a reconnect, messages may have been lost on the way. */
  async restart(reason: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const generation = ++this.#generation;
    const { log, durable } = this.#options;
    this.#forgetTaken();
    this.#due = undefined;
    this.#messages?.stop();
    log.info({ reason, consumer: durable }, "the event consumer starts anew behind what is stored");
    while (generation === this.#generation) {
      try {
        if (await this.#yields()) return;
        await this.#open(generation);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log.warn({ reason: (error as Error).message }, "the event consumer cannot start; trying on");
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  #end(): void {
    this.#stop.abort();
    this.#generation += 1;
    this.#forgetTaken();
  }

  /** What is in no batch yet comes again. */
  #forgetTaken(): void {
    this.#queue = [];
    this.#last = undefined;
  }

  /** Two programs that took the position from each other in turn would both lose events: the later one has it. */
  async #yields(): Promise<boolean> {
    if (!(await isTakenOver(this.manager, this.#options))) return false;
    this.#end();
    // The position is the other's: nothing is acknowledged any more.
    this.#epoch += 1;
    this.#options.onTakenOver?.();
    return true;
  }

  async #open(generation: number): Promise<number> {
    if ((await lastSequence(this.manager)) < this.#stored) {
      this.#epoch += 1;
      this.#stored = 0;
      this.#handled = 0;
      await this.#options.onStreamReplaced?.();
    }
    const info = await recreateConsumer(this.manager, this.#options, this.#stored);
    if (generation !== this.#generation) return info.num_pending;
    this.#nextDelivery = 1;
    const messages = await this.client.consumers.getConsumerFromInfo(info).consume({
      max_messages: PREFETCH,
      idle_heartbeat: HEARTBEAT_MS,
      expires: ASK_AGAIN_MS,
      callback: (message) => this.#take(message, generation),
    });
    if (generation !== this.#generation) messages.stop();
    else {
      this.#messages = messages;
      void this.#watch(messages, generation);
    }
    return info.num_pending;
  }

  #take(message: JsMsg, generation: number): void {
    if (generation !== this.#generation) return;
    const { seq, delivery, pending } = placeOf(message);
    if (delivery !== this.#nextDelivery) {
      void this.restart("a message was lost on the way");
      return;
    }
    this.#nextDelivery += 1;
    this.#last = message;
    if (seq > this.#handled) this.#queue.push({ subject: message.subject, data: message.data, seq, pending });
    if (this.#queue.length >= MAX_BATCH) this.#handleBatch();
    else if (!this.#scheduled) this.#schedule();
  }

  /** After the socket's data of this turn has been read, so that a batch is what has come. */
  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#handleBatch();
    });
  }

  #handleBatch(): void {
    const [batch, last] = [this.#queue, this.#last];
    this.#forgetTaken();
    if (last === undefined) return;
    this.#handled = batch.at(-1)?.seq ?? this.#handled;
    const stored = batch.length === 0 ? Promise.resolve() : this.#options.handler(batch);
    this.#acknowledged = this.#acknowledge(this.#acknowledged, stored, last, this.#generation);
  }

  /** One after the other: an acknowledgement covers everything before it. */
  async #acknowledge(earlier: Promise<void>, stored: Promise<void>, last: JsMsg, generation: number): Promise<void> {
    const epoch = this.#epoch;
    try {
      await Promise.all([earlier, stored]);
      if (epoch !== this.#epoch) return;
      this.#stored = Math.max(this.#stored, placeOf(last).seq);
      // The consumer was made anew meanwhile, and will send it again.
      if (generation !== this.#generation && !this.#stop.signal.aborted) return;
      this.#due = last;
      this.#acknowledging ??= setTimeout(() => this.#acknowledgeDue(), ACKNOWLEDGE_EVERY_MS);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#options.log.error({ reason: (error as Error).message }, "events could not be stored; they will come again");
    }
  }

  #acknowledgeDue(): void {
    clearTimeout(this.#acknowledging);
    this.#acknowledging = undefined;
    const due = this.#due;
    this.#due = undefined;
    try {
      due?.ack();
    } catch (error) {
      this.#options.log.debug(
        { reason: (error as Error).message },
        "an acknowledgement could not be sent; its events come again",
      );
    }
  }

  /** Deleted by an administrator, lost with its server: made anew. */
  async #watch(messages: ConsumerMessages, generation: number): Promise<void> {
    for await (const status of messages.status()) {
      if (generation !== this.#generation) return;
      if (["consumer_deleted", "consumer_not_found", "stream_not_found"].includes(status.type)) {
        // Whoever has deleted it in order to read under this name has made its own by then.
        await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        if (generation === this.#generation) void this.restart(status.type.replaceAll("_", " "));
        return;
      }
    }
  }
}

/** The client's own types do not tell of `reply`. */
function placeOf(message: JsMsg & { readonly reply?: string }): Pick<Delivery, "seq" | "delivery" | "pending"> {
  const delivery = deliveryOf(message.reply ?? "");
  if (delivery !== undefined) return delivery;
  const { streamSequence, deliverySequence, pending } = message.info;
  return { seq: streamSequence, delivery: deliverySequence, pending };
}
