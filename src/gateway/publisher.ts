/** Where events go, and what becomes of them. */
import type { PublishedEvent, RadiusEvent } from "../events/types.js";
import { type Answers, type AskLimits, askAgents } from "./ask-agents.js";
import type { GatewayMetrics } from "./metrics.js";
import type { Outbox, StoreOutcome } from "./outbox.js";
import type { Clock, EventBus, Log } from "./ports.js";

export interface PublisherOptions {
  readonly bus: EventBus;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly seal: (event: RadiusEvent) => PublishedEvent;
}

export class Publisher {
  constructor(private readonly options: PublisherOptions) {}

  /** True when the event is stored, in the stream or in the spool. Never rejects. */
  async store(event: RadiusEvent): Promise<boolean> {
    const outcome = await this.#store(event);
    return outcome !== "lost";
  }

  /** Stores the event and gathers the answers to it; while the bus is away, there are none. Never rejects. */
  ask(event: RadiusEvent, limits: AskLimits): Promise<Answers> {
    return this.#ask(event, () => this.#store(event), limits);
  }

  /** Like `ask`, for what must not be acted on later: it is published now or not at all. Never rejects. */
  askNow(event: RadiusEvent, limits: AskLimits): Promise<Answers> {
    return this.#ask(event, () => this.#publishNow(event), limits);
  }

  #ask(event: RadiusEvent, publish: () => Promise<StoreOutcome>, limits: AskLimits): Promise<Answers> {
    return askAgents(event.id, this.options.bus, publish, limits, this.options.clock);
  }

  async #store(event: RadiusEvent): Promise<StoreOutcome> {
    const { outbox, metrics } = this.options;
    const sealed = this.#sealed(event);
    const outcome = sealed === undefined ? "lost" : await outbox.store(sealed);
    metrics.event(event.type, outcome);
    if (outcome === "lost") this.#complain(event);
    return outcome;
  }

  async #publishNow(event: RadiusEvent): Promise<StoreOutcome> {
    const { outbox, metrics } = this.options;
    const sealed = this.#sealed(event);
    const outcome = sealed !== undefined && (await outbox.publishNow(sealed)) ? "stored" : "lost";
    metrics.event(event.type, outcome);
    if (outcome === "lost") this.#complain(event);
    return outcome;
  }

  #sealed(event: RadiusEvent): PublishedEvent | undefined {
    try {
      return this.options.seal(event);
    } catch (error) {
      this.options.log.error(
        { reason: (error as Error).name },
        "an event could not be sealed: check the keys under `security`",
      );
      return undefined;
    }
  }

  #complain(event: RadiusEvent): void {
    this.options.log.error({ type: event.type }, "an event could not be stored: check the NATS connection");
  }
}
