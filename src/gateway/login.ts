/** What an Access-Accept sets off: its event, and the wait for agents that lets mirroring begin with the first packet. */
import { EventError } from "../events/errors.js";
import type { LiOrder } from "../events/li.js";
import { nasToken } from "../events/subjects.js";
import type { RadiusAttributes, RadiusEvent } from "../events/types.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import type { Hop } from "../radius/hiding.js";
import { type LiValues, revealLi } from "../radius/li.js";
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

  /**
   * Publishes the login. Undefined: the Accept may go to the NAS at once; else when what is returned resolves, after
   * `holdMs` at the latest. Never rejects.
   */
  accepted(
    request: ReceivedPacket,
    accept: ReceivedPacket,
    peer: { readonly name: string; readonly nasIdentifier: string | undefined },
    hop: Hop,
  ): Promise<unknown> | undefined {
    const { dictionary, fallbackNas } = this.options;
    const nas = namedNas(request, dictionary) ?? peer.nasIdentifier ?? fallbackNas ?? peer.name;
    const attributes = loginAttributes(request, accept, dictionary);
    const { event, waits } = this.#event(nasToken(nas), attributes, () => revealLi(accept.attributes, hop));
    if (waits) return this.#hold(event);
    void this.options.publisher.store(event);
    return undefined;
  }

  /**
   * The same for a login whose attributes are known by name; `reveal` gives those that ask for mirroring, or throws
   * RadiusError. Resolves with whether the event is stored.
   */
  announce(nas: string, attributes: RadiusAttributes, reveal: () => LiValues | undefined): Promise<boolean> {
    const { event, waits } = this.#event(nas, attributes, reveal);
    return waits ? this.#hold(event) : this.options.publisher.store(event);
  }

  /** `waits`: for the agents. A login that asks for no mirroring does so only where all do. */
  #event(
    nas: string,
    attributes: RadiusAttributes,
    reveal: () => LiValues | undefined,
  ): { readonly event: RadiusEvent; readonly waits: boolean } {
    const order = this.#order(reveal);
    const now = this.options.clock.now();
    const { li, attributes: more } = orderInEvent(order);
    const event = makeEvent({
      id: newEventId(now),
      now,
      type: "access-accept",
      nas,
      attributes: more === undefined ? attributes : { ...attributes, ...more },
      ...(li === undefined ? {} : { li }),
    });
    return { event, waits: order !== undefined || this.options.hold === "all" };
  }

  /** Whether the event is stored when the hold is over. */
  async #hold(event: RadiusEvent): Promise<boolean> {
    const { publisher, metrics, holdMs, resultWindowMs } = this.options;
    metrics.heldAccepts.inc();
    const { outcome, results } = await publisher.ask(event, { timeoutMs: holdMs, windowMs: resultWindowMs });
    metrics.heldAccepts.dec();
    metrics.hold(outcome !== "stored" ? "unavailable" : results.length > 0 ? "answered" : "timeout");
    return outcome !== "lost";
  }

  #order(reveal: () => LiValues | undefined): LiOrder | undefined {
    try {
      const values = reveal();
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
