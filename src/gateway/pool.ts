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

  /** `key` spreads the load: requests of one key go to one server while it answers, which EAP needs. */
  ask(port: UpstreamPort, key: string, build: BuildRequest): Promise<UpstreamReply | undefined> {
    return exchange(this.#order(key), port, build, this.limits, this.clock, this.metrics);
  }

  async close(): Promise<void> {
    await Promise.all(this.upstreams.map((upstream) => upstream.close()));
  }

  /** Rendezvous hashing; servers that are down come last. */
  #order(key: string): readonly Upstream[] {
    if (this.upstreams.length === 1) return this.upstreams;
    const weighed = this.upstreams.map((upstream) => ({ upstream, weight: weight(upstream.name, key) }));
    weighed.sort((one, other) => {
      if (one.upstream.isUp !== other.upstream.isUp) return one.upstream.isUp ? -1 : 1;
      return other.weight - one.weight;
    });
    return weighed.map(({ upstream }) => upstream);
  }
}

function weight(name: string, key: string): number {
  return md5(Buffer.from(`${name}\0${key}`)).readUInt32BE(0);
}
