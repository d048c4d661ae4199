/** Intercept-related events out: sealed on the bus, and by SNMPv3 to the mediation side. */
import type { Logger } from "pino";
import type { Sender } from "../bus/ports.js";
import type { AgentConfig } from "../config/schema.js";
import type { LiEvent } from "../events/li-event.js";
import { liEventSubject } from "../events/subjects.js";
import type { NotificationMetrics } from "../metrics/notification-metrics.js";
import type { Receivers } from "../notifications/receivers.js";
import type { DataKey } from "../security/seal/data-key.js";

export interface NotifierParts {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly sender: Sender;
  readonly metrics: NotificationMetrics;
  /** Undefined in lab mode: notifications are legible to whoever reads the bus. */
  readonly key: (() => DataKey) | undefined;
}

export class Notifier {
  private constructor(
    private readonly parts: NotifierParts,
    private readonly receivers: Receivers | undefined,
  ) {}

  /** Rejects with what the file system says, where receivers are configured. */
  static async open(parts: NotifierParts): Promise<Notifier> {
    if (parts.config.notifications.snmp.length === 0) return new Notifier(parts, undefined);
    // SNMP is loaded where it is used.
    const { openReceivers } = await import("../notifications/receivers.js");
    return new Notifier(parts, openReceivers(parts));
  }

  notify(event: LiEvent): void {
    const { config, sender } = this.parts;
    sender.send(liEventSubject(config.node, event.kind), this.#payload(event));
    this.receivers?.notify(event);
  }

  async stop(): Promise<void> {
    await this.receivers?.stop();
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
