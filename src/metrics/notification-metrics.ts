/** What becomes of SNMP notifications. */
import { Counter, Gauge, type Registry } from "prom-client";

const RESULTS = ["sent", "retried", "dropped"] as const;
export type NotificationResult = (typeof RESULTS)[number];

export class NotificationMetrics {
  readonly #total: Counter<"result">;
  #waiting: () => number = () => 0;

  constructor(registry: Registry) {
    this.#total = new Counter({
      name: "submirror_snmp_notifications_total",
      help: "SNMP notifications to the mediation side: sent, tried again, given up. Each receiver counts.",
      labelNames: ["result"],
      registers: [registry],
    });
    for (const result of RESULTS) this.#total.inc({ result }, 0);
    const waiting = (): number => this.#waiting();
    const gauge = new Gauge({
      name: "submirror_snmp_notifications_waiting",
      help: "SNMP notifications that wait for a receiver.",
      registers: [],
      collect() {
        this.set(waiting());
      },
    });
    registry.registerMetric(gauge);
  }

  counted(result: NotificationResult, count: number): void {
    this.#total.inc({ result }, count);
  }

  watch(waiting: () => number): void {
    this.#waiting = waiting;
  }
}
