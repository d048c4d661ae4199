/** The upstream servers together: which one to ask first. */
import { md5 } from "../radius/md5.js";
import { type BuildRequest, type ExchangeLimits, exchange, type UpstreamReply } from "./exchange.js";
import type { GatewayMetrics } from "./metrics.js";
import type { Clock } from "./ports.js";
import type { Upstream, UpstreamPort } from "./upstream.js";

export class UpstreamPool {
  constructor(
    private readonly upstreams: readonly Upstream[],
    private readonly limits: ExchangeLimits,
    private readonly clock: Clock,
    private readonly metrics: GatewayMetrics,
  ) {}

  /**
   * `key` spreads the load: requests of one key go to one server while it answers. `first` is asked before all others,
   * where it is given. Undefined when no server answered. Rejects with what `build` throws.
   */
  ask(port: UpstreamPort, key: string, build: BuildRequest, first?: Upstream): Promise<UpstreamReply | undefined> {
    return exchange(this.#order(port, key, first), port, build, this.limits, this.clock, this.metrics);
  }

  async close(): Promise<void> {
    await Promise.all(this.upstreams.map((upstream) => upstream.close()));
  }

  /** Rendezvous hashing; servers that are down come last. */
  #order(port: UpstreamPort, key: string, first: Upstream | undefined): readonly Upstream[] {
    if (this.upstreams.length === 1) return this.upstreams;
    const rank = (upstream: Upstream) => (upstream.isUp(port) ? 1 : 0) * (upstream === first ? 2 : 1);
    return this.upstreams
      .map((upstream) => ({ upstream, rank: rank(upstream), weight: weight(upstream.name, key) }))
      .toSorted((one, other) => other.rank - one.rank || other.weight - one.weight)
      .map(({ upstream }) => upstream);
  }
}

function weight(name: string, key: string): number {
  return md5(Buffer.from(`${name}\0${key}`)).readUInt32BE(0);
}
