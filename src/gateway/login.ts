/** What an Access-Accept sets off: its event, and the wait for agents that lets mirroring begin with the first packet. */
import { EventError } from "../events/errors.js";
import type { LiOrder } from "../events/li.js";
import { nasToken } from "../events/subjects.js";
import type { RadiusEvent } from "../events/types.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import type { Hop } from "../radius/hiding.js";
import { revealLi } from "../radius/li.js";
import type { ReceivedPacket } from "../radius/packet.js";
import { newEventId } from "./event-id.js";
import { loginAttributes, makeEvent } from "./events.js";
import { namedNas } from "./identity.js";
import { type NokiaOptions, orderInEvent, readOrder } from "./li-order.js";
import type { GatewayMetrics } from "./metrics.js";
import type { Clock, Log } from "./ports.js";
import type { Publisher } from "./publisher.js";

export interface LoginOptions {
  readonly publisher: Publisher;
  readonly dictionary: Dictionary;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly nokia: NokiaOptions;
  readonly holdMs: number;
  readonly resultWindowMs: number;
  readonly hold: "intercepted" | "all";
  /** The NAS of a request that names none and whose client has no identifier. */
  readonly fallbackNas: string | undefined;
}

export class Login {
  constructor(private readonly options: LoginOptions) {}

  /** Publishes the login; resolves when the Accept may go to the NAS, after `holdMs` at the latest. Never rejects. */
  async accepted(
    request: ReceivedPacket,
    accept: ReceivedPacket,
    peer: { readonly name: string; readonly nasIdentifier: string | undefined },
    hop: Hop,
  ): Promise<void> {
    const { publisher, dictionary, clock, hold } = this.options;
    const order = this.#order(accept, hop);
    const nas = namedNas(request, dictionary) ?? peer.nasIdentifier ?? this.options.fallbackNas ?? peer.name;
    const now = clock.now();
    const { li, attributes } = orderInEvent(order);
    const event = makeEvent({
      id: newEventId(now),
      now,
      type: "access-accept",
      nas: nasToken(nas),
      attributes: { ...loginAttributes(request, accept, dictionary), ...attributes },
      ...(li === undefined ? {} : { li }),
    });
    if (order === undefined && hold === "intercepted") void publisher.store(event);
    else await this.#hold(event);
  }

  async #hold(event: RadiusEvent): Promise<void> {
    const { publisher, metrics, holdMs, resultWindowMs } = this.options;
    metrics.heldAccepts.inc();
    const { published, results } = await publisher.ask(event, { timeoutMs: holdMs, windowMs: resultWindowMs });
    metrics.heldAccepts.dec();
    metrics.hold(!published ? "unavailable" : results.length > 0 ? "answered" : "timeout");
  }

  #order(accept: ReceivedPacket, hop: Hop): LiOrder | undefined {
    try {
      const values = revealLi(accept.attributes, hop);
      return values === undefined ? undefined : readOrder(values, this.options.nokia);
    } catch (error) {
      if (!(error instanceof RadiusError || error instanceof EventError)) throw error;
      this.#refuse(error.message);
      return undefined;
    }
  }

  #refuse(detail: string): void {
    this.options.metrics.refusedInstruction();
    this.options.log.error(
      { detail },
      "an Access-Accept's LI attributes were refused: correct the subscriber's RADIUS record",
    );
  }
}
