/** The RADIUS front door: `startGateway` opens its ports. */
import type { RadiusEvent } from "../events/types.js";
import { assemble, type Parts, type Surroundings, upstreamNames } from "./assemble.js";
import type { NasClient } from "./auth-proxy.js";
import type { CoaClient } from "./coa.js";
import type { ClientConfig, CoaClientConfig, RadiusConfig } from "./config.js";
import { loadDictionary } from "./dictionaries.js";
import { openServicePort, type PeerAddress } from "./listeners.js";
import { GatewayMetrics } from "./metrics.js";
import { Outbox } from "./outbox.js";
import { type GatewayPorts, systemClock } from "./ports.js";
import { Spool } from "./spool.js";
import type { BoundUdp } from "./udp.js";

export interface GatewayAddresses {
  /** The ports in use, the same on every address. */
  readonly auth: number;
  readonly accounting: number;
  readonly coa: number;
}

export interface Gateway {
  /**
   * Resolves when every port is open. Rejects when one cannot be, when a dictionary file cannot be read
   * (RadiusError "dictionary"), or when the spool's directory cannot be used.
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
  #outbox: Outbox | undefined;
  #parts: Parts | undefined;

  constructor(
    private readonly config: RadiusConfig,
    private readonly ports: GatewayPorts,
  ) {}

  async open(): Promise<GatewayAddresses> {
    const around = await this.#surroundings();
    const parts = assemble(this.config, around);
    this.#parts = parts;
    const { listen, clients, coaClients, saltAuthenticator } = this.config;
    const nases = clients.map(nasClient);
    const dacs = coaClients.map((client) => coaClient(client, saltAuthenticator));
    const { addresses } = listen;
    const open = <P extends NasClient | CoaClient>(port: Parameters<typeof openServicePort<P>>[1]) =>
      openServicePort(addresses, port, parts.drops, this.#sockets);
    return {
      auth: await open({ service: "auth", port: listen.auth, peers: nases, receive: (it) => parts.auth.receive(it) }),
      accounting: await open({
        service: "accounting",
        port: listen.accounting,
        peers: nases,
        receive: (it) => parts.accounting.receive(it),
      }),
      coa: await open({ service: "coa", port: listen.coa, peers: dacs, receive: (it) => parts.coa.receive(it) }),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => socket.close()));
    await this.#parts?.close();
    await this.#outbox?.close();
  }

  async #surroundings(): Promise<Surroundings> {
    const { config, ports } = this;
    const { clock = systemClock, seal = (event: RadiusEvent) => event, bus, log, metricsRegistry } = ports;
    const dictionary = loadDictionary(config.dictionaries);
    const spool = config.spool === undefined ? undefined : await Spool.open<RadiusEvent>(config.spool);
    if (spool === undefined) {
      log.warn({}, "there is no radius.spool: while NATS is away, accounting is not acknowledged");
    }
    const outbox = new Outbox({
      publish: (event) => bus.publish(event),
      spool,
      clock,
      log,
      timeoutMs: config.storeTimeoutMs,
      retryMs: RETRY_MS,
    });
    this.#outbox = outbox;
    const metrics = new GatewayMetrics(metricsRegistry, upstreamNames(config));
    metrics.watchSpool(() => ({ bytes: spool?.bytes ?? 0, damaged: spool?.damaged ?? 0, active: outbox.isSpooling }));
    return { bus, log, clock, seal, metricsRegistry, metrics, outbox, dictionary };
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
