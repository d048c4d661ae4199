/** Intercept-related events out: sealed on the bus, and by SNMPv3 to the mediation side. */
import type { Logger } from "pino";
import type { Sender } from "../bus/ports.js";
import type { AgentConfig } from "../config/schema.js";
import type { LiEvent } from "../events/li-event.js";
import { liEventSubject } from "../events/subjects.js";
import type { NotificationMetrics } from "../metrics/notification-metrics.js";
import { defaultEngineId, startEngine } from "../notifications/engine.js";
import { NotificationOutbox } from "../notifications/outbox.js";
import { SnmpSession } from "../notifications/snmp-session.js";
import { toSnmp } from "../notifications/varbinds.js";
import type { DataKey } from "../security/seal/data-key.js";

export interface NotifierParts {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly sender: Sender;
  readonly metrics: NotificationMetrics;
  /** Undefined in lab mode: notifications are legible to whoever reads the bus. */
  readonly key: (() => DataKey) | undefined;
}

const RETRY_MS = 1000;
const MINUTE_MS = 60_000;

export class Notifier {
  readonly #outboxes: readonly NotificationOutbox[];

  /** Throws what the file system says, where receivers are configured. */
  constructor(private readonly parts: NotifierParts) {
    this.#outboxes = openOutboxes(parts);
  }

  notify(event: LiEvent): void {
    const { config, sender } = this.parts;
    sender.send(liEventSubject(config.node, event.kind), this.#payload(event));
    if (this.#outboxes.length === 0) return;
    const notification = toSnmp(event, config.notifications.routerId ?? config.node);
    for (const outbox of this.#outboxes) outbox.add(notification);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#outboxes.map((outbox) => outbox.stop()));
  }

  #payload(event: LiEvent): string {
    const { config, key } = this.parts;
    const { node } = config;
    if (key === undefined) return JSON.stringify({ node, ...event });
    const { kind, time } = event;
    const context = JSON.stringify(["notification", node, kind, time]);
    return JSON.stringify({
      node,
      kind,
      time,
      sealed: key()
        .seal(Buffer.from(JSON.stringify(event)), context)
        .toString("base64url"),
    });
  }
}

function openOutboxes({ config, log, metrics }: NotifierParts): NotificationOutbox[] {
  const { notifications, node, security } = config;
  if (notifications.snmp.length === 0) return [];
  const engine = startEngine(security.stateDirectory, notifications.engineId ?? defaultEngineId(node));
  const outboxes = notifications.snmp.map(
    (receiver) =>
      new NotificationOutbox(new SnmpSession(receiver, engine), {
        limit: notifications.maxWaiting,
        keepMs: notifications.keepMinutes * MINUTE_MS,
        retryMs: RETRY_MS,
        now: () => performance.now(),
        counted: (result, count) => metrics.counted(result, count),
        changed: (isThere, reason) => {
          const fields = { receiver: receiver.address, port: receiver.port };
          if (isThere) log.info(fields, "the receiver of SNMP notifications is there again");
          else log.warn({ ...fields, reason }, "the receiver of SNMP notifications is lost; trying on");
        },
      }),
  );
  metrics.watch(() => outboxes.reduce((sum, outbox) => sum + outbox.size, 0));
  log.info({ engineId: engine.id, boots: engine.boots }, "SNMP engine; receivers of traps have to know its id");
  return outboxes;
}
