/** Puts a gateway together: bus, ports, metrics; and takes it apart again in order. */
import type { Logger } from "pino";
import { StartError } from "../agent/errors.js";
import { connectNats } from "../bus/connect.js";
import { StreamMismatchError } from "../bus/streams.js";
import type { GatewayConfig } from "../config/schema.js";
import { createRegistry, watchReadiness } from "../metrics/registry.js";
import { type MetricsServer, startMetricsServer } from "../metrics/server.js";
import { RadiusError } from "../radius/errors.js";
import { checkSecurityMode } from "../security/mode.js";
import { type Gateway, type GatewayAddresses, startGateway } from "./gateway.js";
import { NatsBus } from "./nats-bus.js";
import { EventSealing } from "./sealing.js";
import { SpoolDirectoryError } from "./spool.js";
import { TlsFilesError } from "./tls-files.js";

export interface GatewayRunOptions {
  readonly config: GatewayConfig;
  readonly version: string;
  readonly log: Logger;
}

export interface RunningGateway {
  readonly metricsPort: number;
  /** Resolves when the ports are open and NATS was reached; rejects where that never can be. */
  readonly ready: Promise<GatewayAddresses>;
  stop(): Promise<void>;
}

/** Throws StartError where it must not or cannot run as configured. */
export async function runGateway(options: GatewayRunOptions): Promise<RunningGateway> {
  const problem = checkSecurityMode(options.config);
  if (problem !== undefined) throw new StartError([problem]);
  const run = new GatewayRun(options);
  await run.listen();
  const ready = run.open();
  ready.catch(() => undefined);
  return { metricsPort: run.metricsPort, ready, stop: () => run.stop() };
}

class GatewayRun {
  readonly #abort = new AbortController();
  readonly #waitingFor = new Set(["ports", "NATS"]);
  readonly #registry;
  readonly #bus: NatsBus;
  readonly #sealing: EventSealing | undefined;
  #metricsServer: MetricsServer | undefined;
  #gateway: Gateway | undefined;

  constructor(private readonly options: GatewayRunOptions) {
    this.#registry = createRegistry(options.version, "gateway");
    const { config, log } = options;
    watchReadiness(this.#registry, () => this.#isReady());
    this.#sealing = config.security.mode === "strict" ? new EventSealing(config, log) : undefined;
    this.#bus = new NatsBus(options.config.nats.stream, options.log, this.#abort.signal);
  }

  get metricsPort(): number {
    return this.#metricsServer?.port ?? 0;
  }

  async listen(): Promise<void> {
    const { listen, gatewayPort } = this.options.config.metrics;
    try {
      this.#metricsServer = await startMetricsServer({
        listen,
        port: gatewayPort,
        registry: this.#registry,
        waitingFor: () => [...this.#waitingFor],
        isReady: () => this.#isReady(),
      });
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? "unknown";
      throw new StartError([
        `metrics.listen ${listen}, port ${gatewayPort} cannot be listened on (${reason}): choose another metrics.gatewayPort`,
      ]);
    }
  }

  /** With a spool the events of the first logins wait for NATS; without one they would be lost. */
  #isReady(): boolean {
    const { spool } = this.options.config.radius;
    return !this.#waitingFor.has("ports") && (spool !== undefined || !this.#waitingFor.has("NATS"));
  }

  /** The ports do not wait for NATS: whoever logs in meanwhile gets in, and the events wait in the spool. */
  async open(): Promise<GatewayAddresses> {
    const { config, log } = this.options;
    try {
      const sealing = this.#sealing;
      this.#gateway = startGateway(config.radius, {
        bus: sealing?.over(this.#bus) ?? this.#bus,
        log,
        metricsRegistry: this.#registry,
        ...(sealing !== undefined && { seal: (event) => sealing.seal(event) }),
      });
      const addresses = await this.#gateway.ready;
      this.#waitingFor.delete("ports");
      log.info(addresses, "gateway open");
      await this.#connect();
      this.#waitingFor.delete("NATS");
      return addresses;
    } catch (error) {
      return asStartError(error);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#gateway?.close();
    this.#sealing?.close();
    await this.#bus.close();
    await this.#metricsServer?.close();
  }

  async #connect(): Promise<void> {
    const { config, log } = this.options;
    const { signal } = this.#abort;
    const connection = await connectNats(config.nats, `submirror-gateway-${config.node}`, log, signal);
    await this.#sealing?.attach(connection, config.nats.stream.replicas, signal);
    await this.#bus.attach(connection);
  }
}

const START_ERRORS = [StreamMismatchError, RadiusError, TlsFilesError, SpoolDirectoryError];

function asStartError(error: unknown): never {
  if (START_ERRORS.some((kind) => error instanceof kind)) throw new StartError([(error as Error).message]);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (syscall !== "bind") throw error;
  throw new StartError([
    `radius.listen: ${address} port ${port} cannot be listened on (${code}): stop what has it, or choose another`,
  ]);
}
