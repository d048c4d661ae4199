/** Where events go, and what becomes of them. */
import type { RadiusEvent } from "../events/types.js";
import { type Answers, type AskLimits, askAgents } from "./ask-agents.js";
import type { GatewayMetrics } from "./metrics.js";
import type { Clock, EventBus, Log } from "./ports.js";

export interface PublisherOptions {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly seal: (event: RadiusEvent) => RadiusEvent | Promise<RadiusEvent>;
}

export class Publisher {
  constructor(private readonly options: PublisherOptions) {}

  /** True when the event is stored. Never rejects. */
  async store(event: RadiusEvent): Promise<boolean> {
    const { bus, log, metrics, seal } = this.options;
    try {
      await bus.publish(await seal(event));
      metrics.event(event.type, "stored");
      return true;
    } catch (error) {
      metrics.event(event.type, "lost");
      log.error(
        { type: event.type, reason: (error as Error).name },
        "an event could not be stored: check the NATS connection",
      );
      return false;
    }
  }

  /** Publishes the event and gathers the answers to it. Never rejects. */
  ask(event: RadiusEvent, limits: AskLimits): Promise<Answers> {
    return askAgents(event, this.options.bus, (it) => this.store(it), limits, this.options.clock);
  }
}
