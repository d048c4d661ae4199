/** A registry with what every submirror program reports. */
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Gauges whose names end as counters' names do: `promtool check metrics` objects. */
const MISNAMED = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

export function createRegistry(version: string, component: "agent" | "gateway" | "mediation"): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  new Gauge({
    name: "submirror_build_info",
    help: "Always 1; the labels say what is running.",
    labelNames: ["version", "component", "node_version"],
    registers: [registry],
  }).set({ version, component, node_version: process.version }, 1);
  return registry;
}

/** `/readyz` as a number, so that whoever watches needs one scrape alone. */
export function watchReadiness(registry: Registry, isReady: () => boolean): void {
  const gauge = new Gauge({
    name: "submirror_ready",
    help: "1 while nothing is waited for, as /readyz says, else 0.",
    registers: [],
    collect() {
      this.set(isReady() ? 1 : 0);
    },
  });
  registry.registerMetric(gauge);
}
