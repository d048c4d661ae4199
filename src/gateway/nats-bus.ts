/** The bus over NATS as the gateway needs it: there or away at any moment, and never in the way of a login. */
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { EventPublisher } from "../bus/publisher.js";
import { ensureEventStream, whenReady } from "../bus/streams.js";
import type { Config } from "../config/schema.js";
import type { EventResult, PublishedEvent } from "../events/types.js";
import type { EventBus, Log } from "./ports.js";

export class BusAwayError extends Error {
  override readonly name = "BusAwayError";
}

const NO_RESULTS: AsyncIterable<EventResult> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

export class NatsBus implements EventBus {
  #connection: NatsConnection | undefined;
  #publisher: EventPublisher | undefined;
  #isThere = false;

  constructor(
    private readonly stream: Config["nats"]["stream"],
    private readonly log: Log,
    private readonly signal: AbortSignal,
  ) {}

  /** Takes a connection into use: resolves when the stream is there. Throws StreamMismatchError. */
  async attach(connection: NatsConnection): Promise<void> {
    this.#connection = connection;
    this.#publisher = new EventPublisher(connection);
    await this.#prepare();
    void this.#watch(connection);
  }

  /** Rejects at once while the bus is away: the client would keep the message and send it at any later time. */
  publish(event: PublishedEvent): Promise<void> {
    if (this.#publisher === undefined || !this.#isThere) return Promise.reject(new BusAwayError("NATS is away"));
    return this.#publisher.publish(event);
  }

  results(eventId: string, signal: AbortSignal): AsyncIterable<EventResult> {
    return this.#publisher?.results(eventId, signal) ?? NO_RESULTS;
  }

  async close(): Promise<void> {
    this.#publisher?.close();
    await this.#connection?.close();
  }

  async #prepare(): Promise<void> {
    const connection = this.#connection as NatsConnection;
    const manager = await whenReady(() => jetstream(connection).jetstreamManager(), this.signal);
    await whenReady(() => ensureEventStream(manager, this.stream), this.signal);
    this.#isThere = true;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "disconnect") this.#isThere = false;
      else if (type === "reconnect") await this.#prepare().catch((error: unknown) => this.#complain(error));
    }
  }

  #complain(error: unknown): void {
    if (this.signal.aborted) return;
    this.log.error(
      { reason: (error as Error).message },
      "the stream of events cannot be used: events stay in the spool",
    );
  }
}
