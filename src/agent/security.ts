/** The trust of a running agent: keys, audit log, memory of orders; and what of it needs the bus. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "pino";
import { ensureAuditStream, NatsAuditSink } from "../bus/audit-stream.js";
import { NatsGrantBucket } from "../bus/grant-bucket.js";
import type { AgentConfig } from "../config/schema.js";
import type { TrustMetrics } from "../metrics/trust-metrics.js";
import { AuditCopies } from "../security/audit/copies.js";
import { AuditLog } from "../security/audit/log.js";
import { type AuditRecord, AuditRecorder, NO_AUDIT } from "../security/audit/recorder.js";
import { agentReaders, authorityTable, grantTrust, type OwnKeys, readOwnKeys } from "../security/configured.js";
import { SealedRecords } from "../security/events/sealed-records.js";
import { AgentKeys } from "../security/grants/agent-keys.js";
import type { Signer } from "../security/keys/signing-key.js";
import type { AuthorityTable } from "../security/orders/authorities.js";
import { ReplayJournal } from "../security/orders/replay-journal.js";
import type { DataKey } from "../security/seal/data-key.js";
import { StrictTrust } from "../security/strict-trust.js";
import { type AgentTrust, labTrust } from "../security/trust.js";
import { PLAIN_RECORDS, type RecordCodec } from "../sessions/record-codec.js";
import { StartError } from "./errors.js";

export interface SecurityParts {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly metrics: TrustMetrics;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

const HOUR_MS = 3_600_000;
const DEFAULT_AUDIT_DIRECTORY = "/var/lib/submirror/audit";

export class AgentSecurity {
  readonly trust: AgentTrust;
  readonly codec: RecordCodec;
  readonly #keys: AgentKeys | undefined;
  readonly #replay: ReplayJournal | undefined;
  #auditLog: AuditLog | undefined;
  #copies: AuditCopies | undefined;

  /** Throws StartError. */
  constructor(private readonly parts: SecurityParts) {
    const { config } = parts;
    const maxDurationMs = config.security.maxDurationHours * HOUR_MS;
    if (config.security.mode === "lab") {
      this.trust = labTrust(maxDurationMs, this.#openAudit(undefined));
      this.codec = PLAIN_RECORDS;
      return;
    }
    const own = this.#ownKeys();
    const authorities = authorityTable(config.security);
    this.#keys = this.#agentKeys(own, authorities);
    this.#replay = this.#openReplay();
    this.trust = this.#strictTrust(own, authorities, this.#keys, this.#replay);
    this.codec = new SealedRecords(this.#keys);
  }

  /** What notifications are sealed with; undefined in lab mode. */
  get notificationKey(): (() => DataKey) | undefined {
    const keys = this.#keys;
    return keys === undefined ? undefined : () => keys.current("notifications");
  }

  get auditGauges() {
    return {
      entries: () => this.#auditLog?.committed ?? 0,
      copied: () => this.#copies?.copied ?? 0,
      isBehind: () => this.#auditLog?.isBehind ?? false,
    };
  }

  /** The bus is there: data keys are read, copies of the audit log leave. Before any session record or event is read. */
  async attach(connection: NatsConnection, manager: JetStreamManager): Promise<void> {
    const { config } = this.parts;
    const { replicas } = config.nats.stream;
    if (this.#keys !== undefined) await this.#keys.start(await NatsGrantBucket.open(connection, replicas));
    if (this.#auditLog !== undefined && config.audit.copies) {
      await ensureAuditStream(manager, replicas);
      this.#copyAudit(this.#auditLog, new NatsAuditSink(connection, manager, config.node));
    }
  }

  /** Drops what needs not be remembered any more. */
  prune(): void {
    this.#replay?.prune(this.parts.clock());
  }

  async stop(): Promise<void> {
    this.#keys?.stop();
    this.trust.commit();
    await this.#copies?.stop();
    this.#auditLog?.close();
    this.#replay?.close();
  }

  #ownKeys(): OwnKeys {
    const { security } = this.parts.config;
    const own = readOwnKeys(security, "agent");
    const problems = Array.isArray(own) ? own : [];
    if (security.agents.length === 0) {
      problems.push(
        "security.agents is empty: name this agent's public keys there, as submirror keys generate prints them",
      );
    } else if (!Array.isArray(own) && !security.agents.some(({ keys }) => keys.includes(own.signer.publicKey))) {
      problems.push("security.agents does not name this agent's signing key: add what submirror keys show prints");
    }
    if (Array.isArray(own) || problems.length > 0) throw new StartError(problems);
    return own;
  }

  #agentKeys(own: OwnKeys, authorities: AuthorityTable): AgentKeys {
    const { config, log, clock } = this.parts;
    const agents = agentReaders(config.security);
    const { readers } = config.notifications;
    const notified = readers.length > 0 ? readers : agents;
    const named = config.security.agents.find(({ keys }) => keys.includes(own.signer.publicKey))?.keys ?? [];
    const retired = named.filter((key) => key !== own.signer.publicKey);
    return new AgentKeys({ ...own, retired, trust: grantTrust(authorities), agents, notified, clock, log });
  }

  #strictTrust(own: OwnKeys, authorities: AuthorityTable, keys: AgentKeys, replay: ReplayJournal): StrictTrust {
    const { config, clock, metrics } = this.parts;
    const { security } = config;
    return new StrictTrust({
      keys,
      sealingKeys: own.sealingKeys,
      authorities,
      replay,
      audit: this.#openAudit(own.signer),
      toleranceMs: security.clockToleranceSeconds * 1000,
      maxWindowMs: security.orderValidityHours * HOUR_MS,
      twoPersonRule: security.twoPersonRule,
      plainEvents: security.plainEvents,
      startsOffRecord: config.audit.whenFull === "go-on",
      clock,
      onRefusal: (reason) => metrics.refused(reason),
    });
  }

  #openReplay(): ReplayJournal {
    const { stateDirectory } = this.parts.config.security;
    return orStartError("security.stateDirectory", () => {
      mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
      return new ReplayJournal(join(stateDirectory, "orders.jsonl"), this.parts.clock());
    });
  }

  #openAudit(signer: Signer | undefined): AuditRecord {
    const { config, log, clock } = this.parts;
    const { audit, node, security } = config;
    const directory = audit.directory ?? (signer === undefined ? undefined : DEFAULT_AUDIT_DIRECTORY);
    if (directory === undefined) return NO_AUDIT;
    const auditLog = orStartError("audit.directory", () => {
      const { keepSegments } = audit;
      const kept = keepSegments === undefined ? {} : { keepSegments };
      const segmentBytes = Math.floor(audit.segmentMegabytes * 1024 * 1024);
      return new AuditLog({ directory, node, segmentBytes, clock, ...kept, ...(signer !== undefined && { signer }) });
    });
    this.#auditLog = auditLog;
    if (auditLog.problem !== undefined) {
      log.error(
        { problem: auditLog.problem },
        "the audit log was changed while no agent ran: see submirror audit verify",
      );
    }
    return new AuditRecorder({
      log: auditLog,
      node,
      signer,
      readers: audit.readers.length > 0 ? audit.readers : agentReaders(security),
      clock,
      onUnavailable: (reason) =>
        log.error({ reason }, "nothing goes on record, and no new intercept starts: make room on the disk"),
      onAvailable: () => log.info("the audit log can be written again"),
    });
  }

  #copyAudit(auditLog: AuditLog, sink: NatsAuditSink): void {
    const { config, log } = this.parts;
    const copies = new AuditCopies({
      directory: config.audit.directory ?? DEFAULT_AUDIT_DIRECTORY,
      sink,
      committed: () => auditLog.committed,
      onError: (reason) => log.warn({ reason }, "copies of the audit log cannot leave the node; trying on"),
    });
    this.#copies = copies;
    auditLog.onCommitted = () => copies.notify();
    auditLog.mayPrune = (upTo) => copies.copied >= upTo;
    // What was written before the bus was there.
    this.trust.audit.commit();
    copies.notify();
  }
}

function orStartError<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError([
      code === undefined ? message : `${path} cannot be used (${code}): make it a directory that submirror can write`,
    ]);
  }
}
