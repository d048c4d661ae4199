/** Puts an agent together: node, datapath, bus, metrics; and takes it apart again in order. */
import { randomUUID } from "node:crypto";
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "pino";
import { connectNats } from "../bus/connect.js";
import { ensureDeadLetterStream } from "../bus/dead-letter-stream.js";
import { EmbeddedNatsServer, EmbeddedServerError } from "../bus/embedded.js";
import { EventConsumer } from "../bus/event-consumer.js";
import { JetStreamWatch } from "../bus/jetstream-watch.js";
import { SessionBucket } from "../bus/session-bucket.js";
import {
  ensureEventStream,
  lastSequence,
  replicaDifferences,
  SESSION_STREAM,
  StreamMismatchError,
  whenReady,
} from "../bus/streams.js";
import { ensureTaskStream, TASK_STREAM, TaskFollower } from "../bus/task-stream.js";
import type { AgentConfig } from "../config/schema.js";
import type { Datapath } from "../datapath/port.js";
import type { LiEvent } from "../events/li-event.js";
import { nasSubjects, nasToken, RADIUS_SUBJECTS } from "../events/subjects.js";
import { AgentMetrics, registerAgentGauges, registerDatapathMetrics } from "../metrics/agent-metrics.js";
import { NotificationMetrics } from "../metrics/notification-metrics.js";
import { createRegistry, watchReadiness } from "../metrics/registry.js";
import { type MetricsServer, startMetricsServer } from "../metrics/server.js";
import { TrustMetrics } from "../metrics/trust-metrics.js";
import { checkSecurityMode } from "../security/mode.js";
import type { LocalServer } from "../security/process/local-server.js";
import { Agent } from "./agent.js";
import type { OpenDatapath } from "./datapath-factory.js";
import { deferred } from "./deferred.js";
import { StartError } from "./errors.js";
import { type AgentStatus, LocalApi } from "./local-api.js";
import { listenOnLocalSocket } from "./local-socket.js";
import { Notifier } from "./notifier.js";
import { Progress } from "./progress.js";
import { AgentSecurity } from "./security.js";

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly log: Logger;
  readonly openDatapath: OpenDatapath;
  /** Unix time in milliseconds. */
  readonly clock?: () => number;
}

export interface RunningAgent {
  readonly metricsPort: number;
  /** Resolves when the datapath holds what the sessions say; rejects where it never can. */
  readonly ready: Promise<void>;
  /** Stops taking events, stores what is due and lets go of everything. */
  stop(): Promise<void>;
}

/** Starts an agent. Throws StartError where it must not or cannot run as configured. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const problem = checkSecurityMode(options.config);
  if (problem !== undefined) throw new StartError([problem]);
  const run = new AgentRun(options);
  try {
    await run.prepare();
  } catch (error) {
    await run.stop();
    throw error;
  }
  const ready = run.connect();
  ready.catch(() => undefined);
  return { metricsPort: run.metricsPort, ready, stop: () => run.stop() };
}

const EXPIRE_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const RETRY_REFUSED_MS = 5000;
const WATCH_MS = 10_000;
/** Questions without an answer, each of which waits for some seconds. */
const SILENT_AFTER = 3;

class AgentRun {
  readonly #abort = new AbortController();
  readonly #waitingFor = new Set(["datapath", "NATS", "sessions"]);
  readonly #owner = randomUUID();
  readonly #timers: NodeJS.Timeout[] = [];
  #tasks: TaskFollower | undefined;
  #metricsServer: MetricsServer | undefined;
  #localServer: LocalServer | undefined;
  #datapath: Datapath | undefined;
  #embedded: EmbeddedNatsServer | undefined;
  #connection: NatsConnection | undefined;
  #consumers: EventConsumer[] = [];
  #agent: Agent | undefined;
  #records: SessionBucket | undefined;
  #security: AgentSecurity | undefined;
  #metrics: AgentMetrics;
  #notifier: Notifier | undefined;
  readonly #trustMetrics: TrustMetrics;
  readonly #notificationMetrics: NotificationMetrics;
  readonly #registry;
  readonly #started = new Date();
  #stopped: Promise<void> | undefined;

  constructor(private readonly options: AgentOptions) {
    this.#registry = createRegistry(options.version, "agent");
    this.#metrics = new AgentMetrics(this.#registry);
    this.#notificationMetrics = new NotificationMetrics(this.#registry);
    this.#trustMetrics = new TrustMetrics(this.#registry, () => this.#security?.auditGauges);
    watchReadiness(this.#registry, () => this.#waitingFor.size === 0);
    registerAgentGauges(this.#registry, {
      sessions: () => this.#agent?.store.size ?? 0,
      intercepts: () => this.#agent?.intercepts.counts ?? { active: 0, waiting: 0, failed: 0 },
    });
  }

  get metricsPort(): number {
    return this.#metricsServer?.port ?? 0;
  }

  /** What must work before the agent counts as started. */
  async prepare(): Promise<void> {
    const { config, log, clock = Date.now } = this.options;
    this.#metricsServer = await this.#listen();
    this.#security = new AgentSecurity({ config, log, metrics: this.#trustMetrics, clock });
    this.#datapath = await this.options.openDatapath(config, log);
    registerDatapathMetrics(this.#registry, this.#datapath);
    this.#waitingFor.delete("datapath");
    this.#localServer = await this.#listenLocally();
    if (config.nats.embedded) this.#embedded = await EmbeddedNatsServer.start(config.nats, log).catch(asStartError);
  }

  /** However long NATS takes. Resolves when the agent is live. */
  async connect(): Promise<void> {
    const { config, log } = this.options;
    const connection = await connectNats(config.nats, `submirror-agent-${config.node}`, log, this.#abort.signal);
    this.#connection = connection;
    this.#waitingFor.delete("NATS");
    const client = jetstream(connection);
    const manager = await whenReady(() => client.jetstreamManager(), this.#abort.signal);
    const differences = await whenReady(() => ensureEventStream(manager, config.nats.stream), this.#abort.signal).catch(
      asStartError,
    );
    for (const difference of differences) log.warn(difference);
    const security = this.#security as AgentSecurity;
    await whenReady(() => security.attach(connection, manager), this.#abort.signal);
    const { replicas, maxAgeHours } = config.nats.stream;
    const bucket = { connection, manager, replicas, maxAgeHours };
    const records = await whenReady(() => SessionBucket.open(bucket), this.#abort.signal);
    this.#records = records;
    // Without it dead letters are heard by whoever listens, and kept by nobody.
    await whenReady(() => ensureDeadLetterStream(manager, config.nats.stream), this.#abort.signal).catch(
      (error: unknown) => {
        if (!(error instanceof StreamMismatchError)) throw error;
        log.warn({ reason: error.message }, "dead letters are not kept");
      },
    );
    const { maxDurationHours } = config.security;
    await whenReady(() => ensureTaskStream(manager, { replicas, maxDurationHours }), this.#abort.signal).catch(
      asStartError,
    );
    const kept = [SESSION_STREAM, TASK_STREAM];
    for (const difference of await replicaDifferences(manager, kept, replicas)) log.warn(difference);
    this.#watchEmbedded(manager);
    const agent = await this.#createAgent(connection, records);
    // Before any session: what a warrant means for it follows from both.
    this.#tasks = new TaskFollower(client, (message) => agent.tasks.take(message));
    await this.#tasks.start();
    agent.tasks.caughtUp();
    log.info({ sessions: await agent.load() }, "session records read");
    if (agent.lastSequence() > (await lastSequence(manager))) agent.forgetSequences();
    await this.#follow(agent, client, manager, connection);
    this.#waitingFor.delete("sessions");
  }

  /** However often it is called. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) clearInterval(timer);
    this.#tasks?.stop();
    await Promise.allSettled([...this.#consumers.map((consumer) => consumer.stop()), this.#agent?.stop()]);
    await this.#notifier?.stop();
    await this.#localServer?.close();
    await this.#security?.stop();
    await this.#connection?.close();
    await this.#embedded?.stop();
    this.#datapath?.close();
    await this.#metricsServer?.close();
  }

  async #createAgent(connection: NatsConnection, records: SessionBucket): Promise<Agent> {
    const { config, log, clock = Date.now } = this.options;
    const sender = { send: (subject: string, payload: string) => connection.publish(subject, payload) };
    const datapath = this.#datapath as Datapath;
    const { trust, codec, notificationKey: key } = this.#security as AgentSecurity;
    const metrics = this.#metrics;
    const notifier = await Notifier.open({ config, log, sender, metrics: this.#notificationMetrics, key });
    this.#notifier = notifier;
    const notify = (event: LiEvent): void => notifier.notify(event);
    this.#agent = new Agent({ config, datapath, records, codec, trust, sender, notify, metrics, log, clock });
    return this.#agent;
  }

  /** Reads the stream from where this agent left off; live as soon as what waited there is carried out. */
  async #follow(
    agent: Agent,
    client: ReturnType<typeof jetstream>,
    manager: Awaited<ReturnType<typeof client.jetstreamManager>>,
    connection: NatsConnection,
  ): Promise<void> {
    const { config, log } = this.options;
    const caughtUp = sourcesOf(config).map(async ({ durable, filter }) => {
      const done = deferred();
      let waiting = Number.POSITIVE_INFINITY;
      let taken = 0;
      const progress = new Progress(log, "catching up with the stream", () => performance.now());
      const consumer = new EventConsumer(client, manager, {
        durable,
        filter,
        owner: this.#owner,
        log,
        onTakenOver: () => this.#takenOver(durable),
        onStreamReplaced: async () => {
          await this.#records?.followStream();
          agent.forgetSequences();
        },
        handler: (messages) => {
          return agent.handle(messages, () => {
            taken += messages.length;
            if (!agent.live) progress.done(messages.length, messages.at(-1)?.pending ?? 0);
            if (taken >= waiting || messages.at(-1)?.pending === 0) done.resolve();
          });
        },
      });
      this.#consumers.push(consumer);
      waiting = await whenReady(() => consumer.start(), this.#abort.signal);
      if (taken >= waiting) done.resolve();
      else log.info({ events: waiting, consumer: durable }, "catching up with the stream");
      await done.promise;
    });
    void this.#followConnection(connection);
    await Promise.race([Promise.all(caughtUp), aborted(this.#abort.signal)]);
    agent.goLive();
    const security = this.#security as AgentSecurity;
    this.#timers.push(
      setInterval(() => agent.retryFailed(), RETRY_REFUSED_MS),
      setInterval(() => agent.expire(), EXPIRE_MS),
      setInterval(() => agent.endSilent(), EXPIRE_MS),
      setInterval(() => security.prune(), HOUR_MS),
      setInterval(() => void this.#purgeMarkers(), MINUTE_MS),
    );
  }

  #watchEmbedded(manager: JetStreamManager): void {
    const embedded = this.#embedded;
    if (embedded === undefined) return;
    const watch = new JetStreamWatch({
      ask: () => manager.getAccountInfo(),
      onSilent: () => void embedded.restart(),
      failures: SILENT_AFTER,
    });
    this.#timers.push(setInterval(() => void watch.look(), WATCH_MS));
  }

  async #purgeMarkers(): Promise<void> {
    try {
      await this.#records?.purgeMarkers();
    } catch (error) {
      this.options.log.warn(
        { reason: (error as Error).message },
        "markers of removed session records cannot be purged: they stay until an agent starts the next time",
      );
    }
  }

  /** Two agents of one name: this one serves nobody until it is started again. */
  #takenOver(consumer: string): void {
    this.#waitingFor.add("the other agent of this node's name to end");
    this.options.log.error(
      { consumer },
      "another agent runs under this node's name and has taken over: give each its own name (node), then start this one again",
    );
  }

  async #followConnection(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") this.#waitingFor.add("NATS");
      if (status.type !== "reconnect") continue;
      this.#waitingFor.delete("NATS");
      for (const consumer of this.#consumers) void consumer.restart("the connection was interrupted");
    }
  }

  #listenLocally(): Promise<LocalServer | undefined> {
    const { config, log } = this.options;
    const api = new LocalApi({
      status: () => this.#status(),
      sessions: () => this.#agent?.store.all() ?? [],
      datapath: () => this.#datapath,
    });
    return listenOnLocalSocket({
      path: config.agent.socket,
      api,
      log,
      onStranger: () => this.#trustMetrics.stranger(),
    });
  }

  #status(): AgentStatus {
    const { config, version } = this.options;
    const audit = this.#security?.auditGauges;
    return {
      node: config.node,
      version,
      pid: process.pid,
      started: this.#started.toISOString(),
      security: config.security.mode,
      datapathMode: config.datapath.mode,
      waitingFor: [...this.#waitingFor],
      sessions: this.#agent?.store.size ?? 0,
      intercepts: this.#agent?.intercepts.counts ?? { active: 0, waiting: 0, failed: 0 },
      eventLag: this.#metrics.eventLag,
      ...(this.#datapath !== undefined && { surroundings: this.#datapath.surroundings() }),
      maps: this.#datapath?.fill() ?? [],
      audit: {
        entries: audit?.entries() ?? 0,
        copied: audit?.copied() ?? 0,
        unavailable: audit?.isBehind() ?? false,
      },
    };
  }

  async #listen(): Promise<MetricsServer> {
    const { listen, port } = this.options.config.metrics;
    try {
      return await startMetricsServer({
        listen,
        port,
        registry: this.#registry,
        waitingFor: () => [...this.#waitingFor],
      });
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? "unknown";
      throw new StartError([
        `metrics.listen ${listen}, port ${port} cannot be listened on (${reason}): choose another metrics.port`,
      ]);
    }
  }
}

/** One consumer a NAS: nats-server before 2.10 takes one filter each. */
function sourcesOf(config: AgentConfig): { durable: string; filter: string }[] {
  if (config.nas.length === 0) return [{ durable: `agent_${config.node}`, filter: RADIUS_SUBJECTS }];
  return config.nas.map((nas) => ({
    durable: `agent_${config.node}_${Buffer.from(nasToken(nas)).toString("base64url")}`,
    filter: nasSubjects(nas),
  }));
}

function asStartError(error: unknown): never {
  if (error instanceof EmbeddedServerError || error instanceof StreamMismatchError)
    throw new StartError([error.message]);
  throw error;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
