/** What an agent and a gateway report from the first moment on: the real registries, over a kernel that has counted nothing. */
import type { BpfMap } from "libbpf-ts";
import { readTotals } from "../../src/datapath/counters.js";
import type { DatapathCounters } from "../../src/datapath/port.js";
import { GatewayMetrics } from "../../src/gateway/metrics.js";
import { AgentMetrics, registerAgentGauges, registerDatapathMetrics } from "../../src/metrics/agent-metrics.js";
import { NotificationMetrics } from "../../src/metrics/notification-metrics.js";
import { createRegistry, watchReadiness } from "../../src/metrics/registry.js";
import { TrustMetrics } from "../../src/metrics/trust-metrics.js";
import { FakeDatapath } from "./fake-datapath.js";
import { type Sample, samples } from "./promql.js";

class IdleDatapath extends FakeDatapath {
  override counters(): DatapathCounters {
    return readTotals({ lookupPerCpu: () => [] } as unknown as BpfMap, 0n);
  }
}

const as = (job: string, all: readonly Sample[]): Sample[] =>
  [...all, { name: "up", labels: {} }].map(({ name, labels }) => ({ name, labels: { ...labels, job } }));

/** With the label `job` that docs/monitoring.md gives them. */
export async function reportedSamples(): Promise<Sample[]> {
  const agent = createRegistry("0.0.0", "agent");
  watchReadiness(agent, () => true);
  // Each registers what it counts.
  void [new AgentMetrics(agent), new NotificationMetrics(agent), new TrustMetrics(agent, () => undefined)];
  registerAgentGauges(agent, { sessions: () => 0, intercepts: () => ({ active: 0, waiting: 0, failed: 0 }) });
  registerDatapathMetrics(agent, new IdleDatapath());
  const gateway = createRegistry("0.0.0", "gateway");
  watchReadiness(gateway, () => true);
  const metrics = new GatewayMetrics(gateway, ["aaa"]);
  metrics.watchSpool(() => ({ bytes: 0, damaged: 0, active: false }));
  metrics.upstreamUp("aaa", "auth", true);
  return [
    ...as("submirror-agent", samples(await agent.metrics())),
    ...as("submirror-gateway", samples(await gateway.metrics())),
  ];
}
