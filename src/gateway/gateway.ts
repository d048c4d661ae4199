/** The RADIUS front door: `startGateway` opens its ports. */
import type { PublishedEvent, RadiusEvent } from "../events/types.js";
import { assemble, type Parts, RADSEC_SECRET, type Surroundings, upstreamNames } from "./assemble.js";
import type { NasClient } from "./auth-proxy.js";
import type { CoaClient } from "./coa.js";
import type { ClientConfig, CoaClientConfig, RadiusConfig, RadsecConfig } from "./config.js";
import { loadDictionary } from "./dictionaries.js";
import { openServicePort, type PeerAddress } from "./listeners.js";
import { GatewayMetrics } from "./metrics.js";
import { Outbox } from "./outbox.js";
import { type Clock, type GatewayPorts, systemClock } from "./ports.js";
import { RadsecListener, type RadsecPeer } from "./radsec-listener.js";
import { Spool } from "./spool.js";
import { TlsIdentity } from "./tls-files.js";
import type { BoundUdp } from "./udp.js";

export interface GatewayAddresses {
  /** The ports in use, the same on every address; undefined where nobody is configured who may use it. */
  readonly auth: number | undefined;
  readonly accounting: number | undefined;
  readonly coa: number | undefined;
  readonly radsec: number | undefined;
  readonly http: number | undefined;
}

export interface Gateway {
  /**
   * Resolves when every port is open. Rejects when one cannot be, when a dictionary file cannot be read
   * (RadiusError "dictionary"), a key or certificate cannot be used (TlsFilesError), or the spool's directory cannot.
   */
  readonly ready: Promise<GatewayAddresses>;
  /** Ends; what was acknowledged to a NAS is in the stream or in the spool then. */
  close(): Promise<void>;
}

/** How long the bus is left alone after it did not store an event. */
const RETRY_MS = 500;

export function startGateway(config: RadiusConfig, ports: GatewayPorts): Gateway {
  const running = new Running(config, ports);
  const ready = running.open();
  ready.catch(() => undefined);
  return {
    ready,
    close: async () => {
      await ready.catch(() => undefined);
      await running.close();
    },
  };
}

class Running {
  readonly #sockets: BoundUdp[] = [];
  readonly #radsec: RadsecListener[] = [];
  readonly #clock: Clock;
  #identity: TlsIdentity | undefined;
  #outbox: Outbox | undefined;
  #parts: Parts | undefined;

  constructor(
    private readonly config: RadiusConfig,
    private readonly ports: GatewayPorts,
  ) {
    this.#clock = ports.clock ?? systemClock;
  }

  async open(): Promise<GatewayAddresses> {
    const parts = assemble(this.config, await this.#surroundings());
    this.#parts = parts;
    const { listen, clients, coaClients, saltAuthenticator, radsec, http } = this.config;
    const nases = clients.map(nasClient);
    const dacs = coaClients.map((client) => coaClient(client, saltAuthenticator));
    const open = <P extends NasClient | CoaClient>(port: Parameters<typeof openServicePort<P>>[1]) =>
      port.peers.length === 0 ? undefined : openServicePort(listen.addresses, port, parts.drops, this.#sockets);
    return {
      auth: await open({ service: "auth", port: listen.auth, peers: nases, receive: (it) => parts.auth.receive(it) }),
      accounting: await open({
        service: "accounting",
        port: listen.accounting,
        peers: nases,
        receive: (it) => parts.accounting.receive(it),
      }),
      coa: await open({ service: "coa", port: listen.coa, peers: dacs, receive: (it) => parts.coa.receive(it) }),
      radsec: radsec === undefined ? undefined : await this.#openRadsec(radsec, parts),
      http: http === undefined ? undefined : await parts.http?.listen(http.address, http.port),
    };
  }

  async close(): Promise<void> {
    this.#identity?.stop();
    await Promise.all([...this.#sockets, ...this.#radsec].map((listener) => listener.close()));
    await this.#parts?.http?.close();
    await this.#parts?.close();
    await this.#outbox?.close();
  }

  async #openRadsec(config: RadsecConfig, parts: Parts): Promise<number> {
    const identity = new TlsIdentity(config, this.#clock, this.ports.log, (material) => {
      for (const listener of this.#radsec) listener.renew({ material });
    });
    this.#identity = identity;
    const peers = config.clients.map((client) => radsecPeer(client, this.config.saltAuthenticator));
    const services = {
      auth: parts.auth.receive.bind(parts.auth),
      accounting: parts.accounting.receive.bind(parts.accounting),
      coa: parts.coa.receive.bind(parts.coa),
    };
    let { port } = config;
    for (const address of config.addresses) {
      const listener = new RadsecListener(identity, peers, services, parts.drops);
      this.#radsec.push(listener);
      port = await listener.listen(address, port);
    }
    return port;
  }

  async #surroundings(): Promise<Surroundings> {
    const { config, ports } = this;
    const { seal = (event: RadiusEvent) => event, bus, log, metricsRegistry } = ports;
    const dictionary = loadDictionary(config.dictionaries);
    const spool = config.spool === undefined ? undefined : await Spool.open<PublishedEvent>(config.spool);
    if (spool === undefined) {
      log.warn({}, "there is no radius.spool: while NATS is away, accounting is not acknowledged");
    }
    const outbox = new Outbox({
      publish: (event) => bus.publish(event),
      spool,
      clock: this.#clock,
      log,
      timeoutMs: config.storeTimeoutMs,
      retryMs: RETRY_MS,
    });
    this.#outbox = outbox;
    const metrics = new GatewayMetrics(metricsRegistry, upstreamNames(config));
    metrics.watchSpool(() => ({ bytes: spool?.bytes ?? 0, damaged: spool?.damaged ?? 0, active: outbox.isSpooling }));
    return { bus, log, clock: this.#clock, seal, metricsRegistry, metrics, outbox, dictionary };
  }
}

function nasClient(client: ClientConfig): PeerAddress<NasClient> {
  const { name, address, secret, nasIdentifier, requireMessageAuthenticator } = client;
  return { address, peer: { name, secret: Buffer.from(secret), nasIdentifier, requireMessageAuthenticator } };
}

function coaClient(client: CoaClientConfig, fallback: "zero" | "packet"): PeerAddress<CoaClient> {
  const { name, address, secret, requireMessageAuthenticator, saltAuthenticator = fallback } = client;
  return { address, peer: { name, secret: Buffer.from(secret), requireMessageAuthenticator, saltAuthenticator } };
}

/** TLS says who the peer is: Message-Authenticator is not needed for that. */
function radsecPeer(client: RadsecConfig["clients"][number], saltAuthenticator: "zero" | "packet"): RadsecPeer {
  const { name, certificateName, nasIdentifier, coa } = client;
  const peer = { name, secret: Buffer.from(RADSEC_SECRET), requireMessageAuthenticator: false };
  return { certificateName, nas: { ...peer, nasIdentifier }, coa: coa ? { ...peer, saltAuthenticator } : undefined };
}
