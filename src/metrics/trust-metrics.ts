/** What is reported of trust: refusals by reason, the state of the audit log. Labels are bounded and there from the start. */
import { Counter, Gauge, type Registry } from "prom-client";
import { REFUSAL_REASONS, type RefusalReason } from "../security/errors.js";

export interface AuditGauges {
  /** Entries that are on the disk. */
  entries(): number;
  /** Entries whose copy has left the node. */
  copied(): number;
  /** Whether entries wait for a disk that takes none. */
  isBehind(): boolean;
}

export class TrustMetrics {
  readonly #refusals: Counter<"reason">;
  readonly #strangers: Counter;

  constructor(registry: Registry, audit: () => AuditGauges | undefined) {
    const registers = [registry];
    this.#refusals = new Counter({
      name: "submirror_refused_orders_total",
      help: "Instructions, tasks and sealed events that were refused for want of trust, by reason.",
      labelNames: ["reason"],
      registers,
    });
    for (const reason of REFUSAL_REASONS) this.#refusals.inc({ reason }, 0);
    this.#strangers = new Counter({
      name: "submirror_local_strangers_total",
      help: "Connections to the local socket that were refused, since they were not root's.",
      registers,
    });
    const gauge = (name: string, help: string, value: (gauges: AuditGauges) => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const gauges = audit();
          this.set(gauges === undefined ? 0 : value(gauges));
        },
      });
    gauge("submirror_audit_entries", "Entries of the audit log of this node.", (it) => it.entries());
    gauge("submirror_audit_copied_entries", "Entries of the audit log whose copy has left the node.", (it) =>
      it.copied(),
    );
    gauge("submirror_audit_unavailable", "1 while the audit log cannot be written.", (it) => (it.isBehind() ? 1 : 0));
  }

  stranger(): void {
    this.#strangers.inc();
  }

  refused(reason: RefusalReason): void {
    this.#refusals.inc({ reason });
  }
}
