/** Puts the gateway's parts together from its configuration. Opens no port. */
import { createHash } from "node:crypto";
import type { Dictionary } from "../radius/dictionary.js";
import { Accounting } from "./accounting.js";
import { AccountingIds } from "./accounting-id.js";
import { AuthProxy } from "./auth-proxy.js";
import type { OpenLink } from "./channel.js";
import { CoaService } from "./coa.js";
import type { ClientConfig, RadiusConfig, UpstreamConfig } from "./config.js";
import { Drops } from "./drops.js";
import { HealthCheck } from "./health.js";
import { HttpDoor } from "./http-door.js";
import type { NokiaOptions } from "./li-order.js";
import { Login } from "./login.js";
import type { DatagramService, GatewayMetrics } from "./metrics.js";
import { NasTable } from "./nas-table.js";
import type { Outbox } from "./outbox.js";
import { UpstreamPool } from "./pool.js";
import type { Clock, GatewayPorts, Log } from "./ports.js";
import { Publisher } from "./publisher.js";
import { RadsecLink } from "./radsec-link.js";
import { ReplyCache } from "./replies.js";
import type { FrontDoor } from "./service.js";
import { StickyStates } from "./sticky.js";
import { TlsIdentity } from "./tls-files.js";
import { connectUdp } from "./udp.js";
import { Upstream, type UpstreamPort } from "./upstream.js";

export interface Parts {
  readonly auth: AuthProxy;
  readonly accounting: Accounting;
  readonly coa: CoaService;
  readonly drops: Drops;
  /** Undefined where no FreeRADIUS is to post here. */
  readonly http: HttpDoor | undefined;
  close(): Promise<void>;
}

/** How long an answer is kept for retransmissions (RFC 5080 section 2.2.2 has 5 seconds). */
const KEEP_REPLY_MS = 5000;
/** Requests in work and answers kept, for each service. */
const MAX_EXCHANGES = 200_000;

export interface Surroundings extends Required<GatewayPorts> {
  readonly metrics: GatewayMetrics;
  readonly outbox: Outbox;
  readonly dictionary: Dictionary;
}

/** Names of all upstream servers and relays: label values. */
export function upstreamNames(config: RadiusConfig): string[] {
  return [...config.upstreams, ...config.clients.filter((client) => client.coa !== undefined)].map(({ name }) => name);
}

export function assemble(config: RadiusConfig, around: Surroundings): Parts {
  const { bus, log, clock, metrics, outbox, dictionary, seal } = around;
  const drops = new Drops(metrics, log, clock);
  const publisher = new Publisher({ bus, outbox, clock, log, metrics, seal });
  const upstreams = new Upstreams(config, clock, log, metrics, drops);
  const nokia = nokiaOptions(config);
  const fallbackNas = config.nas?.identifier;
  const { resultWindowMs, holdMs, hold } = config;
  const common = { dictionary, publisher, clock, log, metrics };
  const door = (service: DatagramService): FrontDoor => ({
    service,
    drops,
    log,
    replies: new ReplyCache(clock, KEEP_REPLY_MS, MAX_EXCHANGES),
    duplicate: () => metrics.request(service, "duplicate"),
  });
  const login = new Login({ ...common, nokia, holdMs, resultWindowMs, hold, fallbackNas });
  const states = new StickyStates(clock);
  const ids = new AccountingIds(sharedSecret(config));
  return {
    drops,
    http: config.http === undefined ? undefined : new HttpDoor({ ...common, ...config.http, login, ids, fallbackNas }),
    auth: new AuthProxy({ door: door("auth"), pool: upstreams.servers, states, login, dictionary, metrics }),
    accounting: new Accounting({
      ...common,
      door: door("accounting"),
      ids,
      pool: config.accounting === "relay" ? upstreams.servers : undefined,
      fallbackNas,
    }),
    coa: new CoaService({
      ...common,
      door: door("coa"),
      rules: { nases: new NasTable(config), dictionary, nokia },
      relays: upstreams.relays,
      coaTimeoutMs: config.coaTimeoutMs,
      resultWindowMs,
      eventTimestampWindowSeconds: config.eventTimestampWindowSeconds,
    }),
    close: () => upstreams.close(),
  };
}

/** Gateways that stand for one another have the same RADIUS secrets. */
function sharedSecret({ clients, upstreams }: RadiusConfig): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([clients.map(secretOf), upstreams.map(secretOf)]))
    .digest();
}

function secretOf(peer: object): unknown {
  return "secret" in peer ? peer.secret : undefined;
}

function nokiaOptions({ nokia: { services, defaultPort } }: RadiusConfig): NokiaOptions {
  return { services, defaultPort };
}

type OpenPort = (port: UpstreamPort) => OpenLink;

function overUdp(address: string, ports: Readonly<Record<UpstreamPort, number>>): OpenPort {
  return (port) => (receive, broken) => connectUdp(address, ports[port], receive, broken);
}

/** RFC 6614 section 2.3. */
export const RADSEC_SECRET = "radsec";

/** The servers above us, and the NASes that requests are relayed to. */
class Upstreams {
  readonly servers: UpstreamPool;
  readonly relays: ReadonlyMap<string, UpstreamPool>;
  readonly #checks: readonly HealthCheck[];
  readonly #identities: TlsIdentity[] = [];

  constructor(
    private readonly config: RadiusConfig,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly metrics: GatewayMetrics,
    private readonly drops: Drops,
  ) {
    const servers = config.upstreams.map((it) => ({ it, upstream: this.#server(it) }));
    this.servers = this.#pool(servers.map(({ upstream }) => upstream));
    this.relays = new Map(
      config.clients.flatMap(({ name, coa }) =>
        coa === undefined ? [] : [[name, this.#pool([this.#relay(name, coa)])]],
      ),
    );
    this.#checks = servers.flatMap(({ it, upstream }) =>
      this.#usedPorts().map((port) => new HealthCheck(upstream, port, this.#healthOptions(it))),
    );
  }

  async close(): Promise<void> {
    for (const check of this.#checks) check.stop();
    for (const identity of this.#identities) identity.stop();
    await Promise.all([this.servers, ...this.relays.values()].map((pool) => pool.close()));
  }

  #usedPorts(): readonly UpstreamPort[] {
    return this.config.accounting === "relay" ? ["auth", "accounting"] : ["auth"];
  }

  #healthOptions({ healthCheck }: UpstreamConfig) {
    const { healthIntervalMs: intervalMs } = this.config;
    return { clock: this.clock, intervalMs, statusServer: healthCheck === "status-server" };
  }

  #pool(upstreams: readonly Upstream[]): UpstreamPool {
    const limits = { attemptMs: this.config.upstreamTimeoutMs, attempts: this.config.upstreamAttempts };
    return new UpstreamPool(upstreams, limits, this.clock, this.metrics);
  }

  #server(config: UpstreamConfig): Upstream {
    const { name, secret = RADSEC_SECRET, requireMessageAuthenticator, address, auth, accounting, radsec } = config;
    for (const port of this.#usedPorts()) this.metrics.upstreamUp(name, port, true);
    const open = radsec === undefined ? overUdp(address, { auth, accounting, coa: 0 }) : this.#overTls(address, radsec);
    return this.#upstream(name, secret, requireMessageAuthenticator, open);
  }

  #relay(name: string, { secret, address, port }: NonNullable<ClientConfig["coa"]>): Upstream {
    this.metrics.upstreamUp(name, "coa", true);
    return this.#upstream(name, secret, false, overUdp(address, { auth: 0, accounting: 0, coa: port }));
  }

  #overTls(address: string, { port, serverName, ...files }: NonNullable<UpstreamConfig["radsec"]>): OpenPort {
    const tls = new TlsIdentity(files, this.clock, this.log);
    this.#identities.push(tls);
    return () => (receive, broken) => new RadsecLink({ address, port, serverName, tls }, receive, broken);
  }

  #upstream(name: string, secret: string, requireMessageAuthenticator: boolean, open: OpenPort): Upstream {
    const { clock, log, metrics, drops } = this;
    return new Upstream({
      name,
      secret: Buffer.from(secret),
      requireMessageAuthenticator,
      clock,
      open,
      dropped: (port) => drops.drop(port, "bad_response", name),
      changed: (port, up) => {
        metrics.upstreamUp(name, port, up);
        log.warn(
          { upstream: name, port },
          up ? "an upstream server answers again" : "an upstream server does not answer",
        );
      },
    });
  }
}
