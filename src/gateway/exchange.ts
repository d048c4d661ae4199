/** One request on its way through the upstream servers, until one of them answers or all attempts are over. */
import type { ReceivedPacket } from "../radius/packet.js";
import type { OutgoingRequest, Ticket } from "./channel.js";
import type { GatewayMetrics } from "./metrics.js";
import type { Cancel, Clock } from "./ports.js";
import type { Upstream, UpstreamPort } from "./upstream.js";

export interface UpstreamReply {
  readonly upstream: Upstream;
  readonly packet: ReceivedPacket;
  /** Of the request that this answers. */
  readonly authenticator: Buffer;
}

export interface ExchangeLimits {
  /** How long one server may take before the next is asked too. */
  readonly attemptMs: number;
  /** Packets that are sent at most, to one server or to several. */
  readonly attempts: number;
}

export type BuildRequest = (upstream: Upstream, identifier: number) => OutgoingRequest;

/**
 * Asks `order[0]`, and where it does not answer in time the next, round and round; earlier servers may still answer,
 * and one that is asked again sees the same packet. The first answer counts; undefined when none came within the limits.
 * Rejects with what `build` throws.
 */
export function exchange(
  order: readonly Upstream[],
  port: UpstreamPort,
  build: BuildRequest,
  limits: ExchangeLimits,
  clock: Clock,
  metrics: GatewayMetrics,
): Promise<UpstreamReply | undefined> {
  return new Promise((resolve, reject) => {
    new Attempts(order, port, build, limits, clock, metrics, resolve, reject).ask();
  });
}

class Attempts {
  readonly #tickets = new Map<Upstream, Ticket>();
  #made = 0;
  #cancel: Cancel | undefined;
  #over = false;

  constructor(
    private readonly order: readonly Upstream[],
    private readonly port: UpstreamPort,
    private readonly build: BuildRequest,
    private readonly limits: ExchangeLimits,
    private readonly clock: Clock,
    private readonly metrics: GatewayMetrics,
    private readonly resolve: (reply: UpstreamReply | undefined) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  ask(): void {
    const upstream = this.order[this.#made % this.order.length];
    if (upstream === undefined || this.#made === this.limits.attempts) {
      return this.#finish(() => this.resolve(undefined));
    }
    const attempt = ++this.#made;
    this.#cancel = this.clock.after(this.limits.attemptMs, () => this.#failed(upstream, attempt));
    try {
      this.#send(upstream, attempt);
    } catch (error) {
      this.#finish(() => this.reject(error));
    }
  }

  #send(upstream: Upstream, attempt: number): void {
    const known = this.#tickets.get(upstream);
    if (known !== undefined) return known.resend();
    const started = this.clock.monotonic();
    let authenticator: Buffer;
    const ticket = upstream.send(
      this.port,
      (identifier) => {
        const request = this.build(upstream, identifier);
        authenticator = request.authenticator;
        return request;
      },
      (packet) => {
        this.metrics.upstreamAnswered(upstream.name, (this.clock.monotonic() - started) / 1000);
        this.#finish(() => this.resolve({ upstream, packet, authenticator }));
      },
      () => this.#unreachable(upstream, attempt),
    );
    if (ticket !== undefined) this.#tickets.set(upstream, ticket);
  }

  #failed(upstream: Upstream, attempt: number): void {
    if (this.#over || this.#made !== attempt) return;
    this.#cancel?.();
    upstream.failed(this.port);
    this.metrics.upstreamTimeout(upstream.name);
    this.ask();
  }

  /** A dead port is reported within microseconds: go to the next server at once, but do not spend a round on one that restarts. */
  #unreachable(upstream: Upstream, attempt: number): void {
    if (this.#made < this.order.length) this.#failed(upstream, attempt);
  }

  #finish(settle: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel?.();
    for (const ticket of this.#tickets.values()) ticket.release();
    settle();
  }
}
