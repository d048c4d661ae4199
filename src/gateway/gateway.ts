/** The RADIUS front door: puts the services together and on their ports. */
import type { RadiusEvent } from "../events/types.js";
import type { Dictionary } from "../radius/dictionary.js";
import { Accounting } from "./accounting.js";
import { AuthProxy, type NasClient } from "./auth-proxy.js";
import { ClientTable } from "./clients.js";
import { type CoaClient, CoaService } from "./coa.js";
import type { ClientConfig, CoaClientConfig, RadiusConfig } from "./config.js";
import { loadDictionary } from "./dictionaries.js";
import { Drops } from "./drops.js";
import { Login } from "./login.js";
import { GatewayMetrics, type Service } from "./metrics.js";
import { NasTable } from "./nas-table.js";
import { UpstreamPool } from "./pool.js";
import { type GatewayPorts, systemClock } from "./ports.js";
import { Publisher } from "./publisher.js";
import { ReplyCache } from "./replies.js";
import type { FrontDoor, Inbound, Peer } from "./service.js";
import { type BoundUdp, bindUdp, connectUdp } from "./udp.js";
import { Upstream, type UpstreamPort } from "./upstream.js";

export interface GatewayAddresses {
  /** The ports in use, the same on every address. */
  readonly auth: number;
  readonly accounting: number;
  readonly coa: number;
}

export interface Gateway {
  /** Resolves when every port is open; rejects when one cannot be. */
  readonly ready: Promise<GatewayAddresses>;
  close(): Promise<void>;
}

/** How long an answer is kept for retransmissions. */
const KEEP_REPLY_MS = 10_000;
/** Requests in work and answers kept, for each service. */
const MAX_EXCHANGES = 200_000;
const ATTEMPT_MS = 1000;
const ATTEMPTS = 4;

/** Throws RadiusError "dictionary" at once when a dictionary file cannot be read. */
export function startGateway(config: RadiusConfig, ports: GatewayPorts): Gateway {
  const parts = assemble(config, ports);
  const sockets: BoundUdp[] = [];
  const ready = openAll(config, parts, sockets);
  ready.catch(() => undefined);
  return {
    ready,
    close: async () => {
      await ready.catch(() => undefined);
      await Promise.all(sockets.map((socket) => socket.close()));
      await Promise.all(parts.pools.map((pool) => pool.close()));
    },
  };
}

interface Parts {
  readonly auth: AuthProxy;
  readonly accounting: Accounting;
  readonly coa: CoaService;
  readonly pools: readonly UpstreamPool[];
  readonly drops: Drops;
}

function assemble(config: RadiusConfig, ports: GatewayPorts): Parts {
  const { bus, log, metricsRegistry, clock = systemClock } = ports;
  const dictionary: Dictionary = loadDictionary(config.dictionaries);
  const names = [...config.upstreams, ...config.clients.filter((client) => client.coa !== undefined)].map(
    ({ name }) => name,
  );
  const metrics = new GatewayMetrics(metricsRegistry, names);
  const drops = new Drops(metrics, log, clock);
  const seal = ports.seal ?? ((event: RadiusEvent) => event);
  const publisher = new Publisher({ bus, clock, log, metrics, seal });
  const fallbackNas = config.nas?.identifier;
  const { nokia: nokiaConfig, resultWindowMs } = config;
  const { defaultPort, ...nokiaRest } = nokiaConfig;
  const nokia = { ...nokiaRest, ...(defaultPort === undefined ? {} : { defaultPort }) };
  const door = (service: Service, duplicate: () => void): FrontDoor => ({
    service,
    drops,
    replies: new ReplyCache(clock, KEEP_REPLY_MS, MAX_EXCHANGES),
    duplicate,
  });
  const upstream = (
    name: string,
    secret: string,
    requireMessageAuthenticator: boolean,
    address: string,
    at: Partial<Record<UpstreamPort, number>>,
  ) =>
    new Upstream({
      name,
      secret: Buffer.from(secret),
      requireMessageAuthenticator,
      open: (port) => (receive, broken) => connectUdp(address, at[port] as number, receive, broken),
      dropped: (port) => drops.drop(port, "bad_response", name),
      changed: (up) => {
        metrics.upstreamUp(name, up);
        log.warn({ upstream: name }, up ? "upstream server answers again" : "upstream server does not answer");
      },
    });
  const pool = (upstreams: readonly Upstream[]) =>
    new UpstreamPool(upstreams, { attemptMs: ATTEMPT_MS, attempts: ATTEMPTS }, clock, metrics);
  const servers = pool(
    config.upstreams.map((it) =>
      upstream(it.name, it.secret, it.requireMessageAuthenticator, it.address, {
        auth: it.auth,
        accounting: it.accounting,
      }),
    ),
  );
  const relays = new Map(
    config.clients.flatMap(({ name, coa }) =>
      coa === undefined
        ? []
        : [[name, pool([upstream(name, coa.secret, false, coa.address, { coa: coa.port })])] as const],
    ),
  );
  for (const name of names) metrics.upstreamUp(name, true);
  const login = new Login({
    publisher,
    dictionary,
    clock,
    log,
    metrics,
    nokia,
    holdMs: config.holdMs,
    resultWindowMs,
    hold: config.hold,
    fallbackNas,
  });
  return {
    drops,
    pools: [servers, ...relays.values()],
    auth: new AuthProxy({
      door: door("auth", () => metrics.request("auth", "duplicate")),
      pool: servers,
      login,
      dictionary,
      metrics,
    }),
    accounting: new Accounting({
      door: door("accounting", () => metrics.request("accounting", "duplicate")),
      pool: config.accounting === "relay" ? servers : undefined,
      publisher,
      dictionary,
      clock,
      metrics,
      fallbackNas,
    }),
    coa: new CoaService({
      door: door("coa", () => metrics.request("coa", "duplicate")),
      rules: { nases: new NasTable(config), dictionary, nokia },
      publisher,
      relays,
      clock,
      log,
      metrics,
      coaTimeoutMs: config.coaTimeoutMs,
      resultWindowMs,
      eventTimestampWindowSeconds: config.eventTimestampWindowSeconds,
    }),
  };
}

async function openAll(config: RadiusConfig, parts: Parts, sockets: BoundUdp[]): Promise<GatewayAddresses> {
  const nases = new ClientTable(config.clients.map((it) => ({ address: it.address, peer: nasClient(it) })));
  const dacs = new ClientTable(
    config.coaClients.map((it) => ({ address: it.address, peer: coaClient(it, config.saltAuthenticator) })),
  );
  const open = <P extends Peer>(
    service: Service,
    port: number,
    table: ClientTable<{ address: string; peer: P }>,
    receive: (inbound: Inbound<P>) => void,
  ) => listen(config.listen.addresses, port, service, table, receive, parts.drops, sockets);
  return {
    auth: await open("auth", config.listen.auth, nases, (it) => parts.auth.receive(it)),
    accounting: await open("accounting", config.listen.accounting, nases, (it) => parts.accounting.receive(it)),
    coa: await open("coa", config.listen.coa, dacs, (it) => parts.coa.receive(it)),
  };
}

/** Opens one port on every address; where it is 0, the system chooses on the first and the others follow. */
async function listen<P extends Peer>(
  addresses: readonly string[],
  port: number,
  service: Service,
  table: ClientTable<{ address: string; peer: P }>,
  receive: (inbound: Inbound<P>) => void,
  drops: Drops,
  sockets: BoundUdp[],
): Promise<number> {
  let chosen = port;
  for (const address of addresses) {
    const socket: BoundUdp = await bindUdp(address, chosen, (bytes, from) => {
      const peer = table.find(from.address)?.peer;
      if (peer === undefined) return drops.drop(service, "unknown_client", from.address);
      const source = `${from.address} ${from.port}`;
      receive({ bytes, peer, source, reply: (answer) => socket.send(answer, from.port, from.address) });
    });
    sockets.push(socket);
    chosen = socket.port;
  }
  return chosen;
}

function nasClient({ name, secret, nasIdentifier, requireMessageAuthenticator }: ClientConfig): NasClient {
  return { name, secret: Buffer.from(secret), nasIdentifier, requireMessageAuthenticator };
}

function coaClient(client: CoaClientConfig, saltAuthenticator: "zero" | "packet"): CoaClient {
  const { name, secret, requireMessageAuthenticator } = client;
  return {
    name,
    secret: Buffer.from(secret),
    requireMessageAuthenticator,
    saltAuthenticator: client.saltAuthenticator ?? saltAuthenticator,
  };
}
