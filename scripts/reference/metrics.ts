/** docs/reference/metrics.md: what a running agent and a running gateway answer to Prometheus. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { startAgent } from "../../src/agent/run.js";
import { parseConfig, requireAgentParts, requireGatewayParts } from "../../src/config/load.js";
import { DROP_LABELS } from "../../src/datapath/counters.js";
import { runGateway } from "../../src/gateway/run.js";
import { FakeDatapath } from "../../test/support/fake-datapath.js";
import { code, GENERATED, page, table } from "./markdown.js";

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Values that are there from the start, by label. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Values that differ from place to place, and say nothing here. */
const OPEN_LABELS = new Set(["le", "version", "node_version", "map", "upstream", "port"]);
/** Nobody listens there: neither program waits for NATS before it answers Prometheus. */
const NO_NATS = "nats: { servers: [nats://127.0.0.1:9] }\nsecurity: { mode: lab }\n";
const READY_MS = 20_000;

export async function metricsReference(): Promise<string> {
  return page(
    GENERATED,
    "# Metrics",
    "For Prometheus at `/metrics`; the agent's on port 9464, the gateway's on 9465 (`metrics` in the configuration). " +
      "Beside these there are those of the process itself (`process_*`, `nodejs_*`). " +
      "All labels are bounded, and there from the start; none names a subscriber, a session or an intercept.",
    "## Agent",
    metricTable(parseMetrics(await agentMetrics())),
    "## Gateway",
    metricTable(parseMetrics(await gatewayMetrics())),
  );
}

/** With each reason that the kernel's programs know. */
class CountingDatapath extends FakeDatapath {
  override counters() {
    return { ...super.counters(), dropped: Object.fromEntries(DROP_LABELS.map((label) => [label, 0n])) };
  }
}

async function agentMetrics(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "submirror-reference-"));
  const yaml = `${NO_NATS}metrics: { port: 0 }
agent: { socket: ${join(directory, "agent.sock")} }
interfaces: { access: [lo] }
mediation: { sourceIpv4: 192.0.2.1 }
`;
  const config = requireAgentParts(parseConfig(yaml, "reference"), "reference");
  const openDatapath = () => new CountingDatapath();
  const agent = await startAgent({ config, version: "0.0.0", log: pino({ level: "silent" }), openDatapath });
  try {
    return await scrape(agent.metricsPort);
  } finally {
    await agent.stop();
    rmSync(directory, { recursive: true });
  }
}

async function gatewayMetrics(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "submirror-reference-"));
  const yaml = `${NO_NATS}metrics: { gatewayPort: 0 }
radius:
  listen: { addresses: [127.0.0.1], auth: 0, accounting: 0, coa: 0 }
  clients: [{ name: bng1, address: 127.0.0.1, secret: of-nobody, nasIdentifier: bng1 }]
  upstreams: [{ name: aaa1, address: 127.0.0.1, secret: of-nobody, healthCheck: none }]
  spool: { directory: ${directory} }
`;
  const config = requireGatewayParts(parseConfig(yaml, "reference"), "reference");
  const gateway = await runGateway({ config, version: "0.0.0", log: pino({ level: "silent" }) });
  try {
    await portsOpen(gateway.metricsPort);
    return await scrape(gateway.metricsPort);
  } finally {
    await gateway.stop();
    rmSync(directory, { recursive: true });
  }
}

/** The ports are open, whatever else is waited for. */
async function portsOpen(port: number): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    if (!(JSON.parse(text) as { waitingFor: string[] }).waitingFor.includes("ports")) return;
    if (Date.now() > deadline) throw new Error(`the gateway does not become ready: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function scrape(port: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

function parseMetrics(text: string): Metric[] {
  const found = new Map<string, { type: string; help: string; labels: Map<string, Set<string>> }>();
  for (const line of text.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") found.set(name, { type: "", help: rest, labels: new Map() });
    else if (kind === "TYPE") Object.assign(found.get(name) ?? {}, { type: rest });
    else noteLabels(line, found);
  }
  return [...found]
    .map(([name, metric]) => ({ name, ...metric }))
    .filter(({ name }) => name.startsWith("submirror_"))
    .toSorted((one, other) => one.name.localeCompare(other.name));
}

function noteLabels(line: string, found: ReadonlyMap<string, { labels: Map<string, Set<string>> }>): void {
  const [, name = "", labels = ""] = /^([a-z_]+)\{(.*)\} \S+$/.exec(line) ?? [];
  const metric = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ""));
  for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
    if (label === "le") continue;
    const values = metric?.labels.get(label) ?? new Set();
    metric?.labels.set(label, values.add(value));
  }
}

function metricTable(metrics: readonly Metric[]): string {
  return table(
    ["metric", "type", "labels", "meaning"],
    metrics.map(({ name, type, labels, help }) => [code(name), type, labelText(labels), help]),
  );
}

function labelText(labels: Metric["labels"]): string {
  return [...labels]
    .map(([label, values]) => (OPEN_LABELS.has(label) ? code(label) : `${code(label)}: ${[...values].join(", ")}`))
    .join("; ");
}
