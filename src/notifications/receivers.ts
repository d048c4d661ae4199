/** The receivers of SNMP notifications that the configuration names. */
import type { Logger } from "pino";
import type { AgentConfig } from "../config/schema.js";
import type { LiEvent } from "../events/li-event.js";
import type { NotificationMetrics } from "../metrics/notification-metrics.js";
import { defaultEngineId, startEngine } from "./engine.js";
import { NotificationOutbox } from "./outbox.js";
import { SnmpSession } from "./snmp-session.js";
import { toSnmp } from "./varbinds.js";

export interface ReceiversParts {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly metrics: NotificationMetrics;
}

export interface Receivers {
  notify(event: LiEvent): void;
  stop(): Promise<void>;
}

const RETRY_MS = 1000;
const MINUTE_MS = 60_000;

/** Throws what the file system says. */
export function openReceivers({ config, log, metrics }: ReceiversParts): Receivers {
  const { notifications, node, security } = config;
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
  return {
    notify: (event) => {
      const notification = toSnmp(event, notifications.routerId ?? node);
      for (const outbox of outboxes) outbox.add(notification);
    },
    stop: async () => {
      await Promise.all(outboxes.map((outbox) => outbox.stop()));
    },
  };
}
