/** State and work of one agent, without the bus and the process around it. */
import type { Logger } from "pino";
import type { EventMessage, Sender, SessionRecords } from "../bus/ports.js";
import type { AgentConfig } from "../config/schema.js";
import type { Datapath } from "../datapath/port.js";
import type { LiEvent } from "../events/li-event.js";
import type { AgentMetrics } from "../metrics/agent-metrics.js";
import type { AgentTrust } from "../security/trust.js";
import type { InterceptDefaults } from "../sessions/intercept.js";
import type { RecordCodec } from "../sessions/record-codec.js";
import { type Session, type Transition, withChanges } from "../sessions/session.js";
import { SessionStore } from "../sessions/store.js";
import { Applier } from "./applier.js";
import { deferred } from "./deferred.js";
import { Ends } from "./ends.js";
import { Intake } from "./intake.js";
import { InterceptCounts } from "./intercept-counts.js";
import { Persistence } from "./persistence.js";
import { Processor } from "./processor.js";
import { Progress } from "./progress.js";
import { reconcile } from "./reconcile.js";
import { RecordingDatapath } from "./recording-datapath.js";
import { SilentSessions } from "./silent-sessions.js";
import { Tasks } from "./tasks.js";
import { Warrants } from "./warrants.js";

export interface AgentParts {
  readonly config: AgentConfig;
  readonly datapath: Datapath;
  readonly records: SessionRecords;
  readonly codec: RecordCodec;
  readonly trust: AgentTrust;
  readonly sender: Sender;
  /** Tells the mediation side. */
  readonly notify: (notification: LiEvent) => void;
  readonly metrics: AgentMetrics;
  readonly log: Logger;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** Milliseconds since some moment; never steps. Absent: the process's own. */
  readonly steadyClock?: () => number;
}

export class Agent {
  readonly store = new SessionStore();
  readonly intercepts = new InterceptCounts();
  readonly #persistence: Persistence;
  readonly #applier: Applier;
  readonly #datapath: Datapath;
  readonly #processor: Processor;
  readonly #intake: Intake;
  readonly #warrants: Warrants;
  readonly #ends: Ends;
  readonly #silent: SilentSessions;
  readonly tasks: Tasks;
  readonly #defaults: InterceptDefaults;
  readonly #steadyClock: () => number;
  /** Sessions whose end no event says, by the key of their record: up to which event they were. Until we are live. */
  readonly #ended = new Map<string, number>();
  /** Resolves when what was taken while the state was rebuilt is stored. */
  readonly #rebuilt = deferred();

  constructor(private readonly parts: AgentParts) {
    const { config, records, codec, trust, sender, notify, metrics, log, clock } = parts;
    this.#datapath = new RecordingDatapath(parts.datapath, trust, () => this.#intake.cause);
    this.#defaults = {
      header: config.mediation.header,
      ...(config.mediation.dscp > 0 && { dscp: config.mediation.dscp }),
    };
    this.#persistence = new Persistence(records, codec, log, {
      conflicts: (conflicts) => metrics.recordConflicts(conflicts),
      madeAnew: () => this.#storeAll(),
    });
    this.#steadyClock = parts.steadyClock ?? (() => performance.now());
    this.#applier = new Applier({
      store: this.store,
      datapath: this.#datapath,
      defaults: this.#defaults,
      maxCoaAgeMs: config.sessions.maxCoaAgeSeconds * 1000,
      steadyClock: this.#steadyClock,
      onRefusal: (error) => {
        metrics.refused(error.code);
        log.warn({ code: error.code, field: error.field, reason: error.message }, "the datapath refused an intercept");
      },
      onChange: (transition) => this.#onChange(transition),
      isOver: (session) => this.#isOver(session),
      followUp: (transition) => this.#warrants.follow(transition),
    });
    const { store } = this;
    const [applier, steadyClock] = [this.#applier, this.#steadyClock];
    this.#silent = new SilentSessions({
      ...{ limits: config.sessions, store, applier, notify, metrics, log, clock, steadyClock },
    });
    this.#warrants = new Warrants({ store, applier, notify, clock });
    this.tasks = new Tasks({ node: config.node, trust, warrants: this.#warrants, sender, log, clock, steadyClock });
    this.#ends = new Ends({ applier, trust, notify, log, clock, steadyClock });
    this.#processor = new Processor({
      node: config.node,
      applier: this.#applier,
      heard: (event) => this.#silent.heard(event),
      trust,
      sender,
      notify,
      metrics,
      log,
      logSubjects: config.log.subjects,
      clock,
    });
    this.#intake = new Intake(this.#processor, trust);
  }

  get live(): boolean {
    return this.#applier.live;
  }

  /** Reads the stored sessions. Returns their number. */
  async load(): Promise<number> {
    const { config, records, codec, log } = this.parts;
    let unreadable = 0;
    const progress = new Progress(log, "reading session records", this.#steadyClock);
    await records.load(
      config.nas.map((nas) => codec.keyPrefix(nas)),
      {
        expect: (count) => this.store.expect(count),
        record: (key, data, isOfThisStream) => {
          progress.done(1);
          const session = codec.decode(key, data);
          if (session === undefined) unreadable += 1;
          else this.#begin(isOfThisStream ? session : withChanges(session, { seq: 0 }));
        },
        ended: (key, seq) => void this.#ended.set(key, seq),
      },
    );
    if (unreadable > 0) log.error({ records: unreadable }, "session records of an unknown form were left aside");
    return this.store.size;
  }

  /** Stream sequence of the latest event that a session tells of. */
  lastSequence(): number {
    let last = 0;
    for (const { seq } of this.store.all()) last = Math.max(last, seq);
    return last;
  }

  /** The stream was made anew: what was applied of the old one says nothing about sequences any more. */
  forgetSequences(): void {
    this.parts.log.warn("the stream of events was made anew; events count from its first message on");
    for (const session of this.store.all()) this.#replace(session, { seq: 0 });
  }

  /** Carries out the events of a batch, and calls `done` then. The promise resolves when they need not come again. */
  handle(messages: readonly EventMessage[], done: () => void = () => undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#intake.take(messages, () => {
        this.parts.metrics.lag(messages.at(-1)?.pending ?? 0);
        done();
        resolve(this.live ? this.#persistence.flush() : this.#rebuilt.promise);
      });
    });
  }

  /** The state is complete: the datapath is made to fit it, and every event takes effect at once from now on. */
  goLive(): void {
    const { log, metrics } = this.parts;
    const datapath = this.#datapath;
    const { removed, put, refused } = reconcile(() => this.store.all(), datapath, this.#defaults);
    for (const error of refused.values()) metrics.refused(error.code);
    this.#markFailures((key) => refused.has(key));
    datapath.activate();
    this.#applier.live = true;
    this.#ended.clear();
    this.#processor.releaseAnswers((key) => refused.has(key));
    this.#rebuilt.resolve(this.#persistence.flush());
    log.info(
      { sessions: this.store.size, put, removed, refused: refused.size },
      "ready: the datapath holds what the sessions say",
    );
  }

  /** Takes out what is over. The kernel has ended it on time. */
  expire(): void {
    if (!this.live) return;
    this.tasks.expire();
    this.#ends.expire();
  }

  /** Ends some of the sessions of which nothing is heard any more. To be called once a second. */
  endSilent(): void {
    if (!this.live) return;
    if (this.#silent.sweep() > 0) void this.#persistence.flush().catch(() => undefined);
  }

  /** Tries again what the datapath refused: room may have become free. */
  retryFailed(): void {
    if (!this.live || this.intercepts.counts.failed === 0) return;
    let taken = 0;
    for (const session of [...this.store.all()].filter((candidate) =>
      candidate.intercepts.some(({ failed }) => failed),
    )) {
      const refusal = this.#applier.retry(session);
      if (refusal?.code === "table-full") break;
      if (refusal === undefined) taken += 1;
    }
    if (taken > 0) this.parts.log.info({ sessions: taken }, "the datapath took intercepts that it had refused before");
  }

  /** Stores what is not stored yet, without waiting for a bus that is gone. */
  async stop(): Promise<void> {
    this.#persistence.stop();
    if (this.live) await this.#persistence.flush();
    else this.#rebuilt.reject(new Error("the agent was stopped before it was live"));
  }

  #onChange(transition: Transition): void {
    this.#ends.note(transition);
    this.intercepts.note(transition);
    this.#persistence.note(transition);
  }

  #begin(stored: Session): void {
    const known = stored.acctSessionId === undefined ? undefined : this.store.find(stored.nas, stored.acctSessionId);
    if (known !== undefined) return;
    const session = this.#withoutEnded(stored);
    this.store.commit({ after: session }, this.#steadyClock());
    this.intercepts.note({ after: session });
    this.#ends.note({ after: session });
    if (session !== stored) this.#persistence.note({ before: stored, after: session });
    this.#warrants.follow({ after: session });
  }

  /** An event of old would bring back a session that another agent has ended without one. */
  #isOver(session: Session): boolean {
    return this.#ended.size > 0 && session.seq <= (this.#ended.get(this.parts.codec.key(session)) ?? 0);
  }

  #storeAll(): void {
    this.parts.log.warn("the bucket of session records was gone: it was made anew, and all records are stored again");
    for (const session of this.store.all()) this.#persistence.note({ before: session, after: session });
    void this.#persistence.flush().catch(() => undefined);
  }

  /** A record that somebody put back does not bring back what was ended. */
  #withoutEnded(session: Session): Session {
    if (session.intercepts.length === 0) return session;
    const { trust, log } = this.parts;
    const ended = session.intercepts.filter(({ key }) => trust.hasEnded(key));
    if (ended.length === 0) return session;
    log.warn({ intercepts: ended.length }, "a session record holds intercepts that were ended; they are left out");
    for (const { key } of ended) trust.audit.intercept({ change: "ends", intercept: key, why: "an old record" });
    return withChanges(session, { intercepts: session.intercepts.filter((intercept) => !ended.includes(intercept)) });
  }

  #markFailures(hasFailed: (key: string) => boolean): void {
    for (const session of this.store.all()) {
      if (!session.intercepts.some(({ key, failed }) => failed !== hasFailed(key))) continue;
      const intercepts = session.intercepts.map((intercept) => ({ ...intercept, failed: hasFailed(intercept.key) }));
      this.#replace(session, { intercepts });
    }
  }

  #replace(session: Session, changes: Partial<Session>): void {
    const transition = { before: session, after: withChanges(session, changes) };
    this.store.commit(transition, this.store.lastSeen(session) * 1000);
    this.#onChange(transition);
  }
}
