/** The real Prometheus scrapes a running agent and gateway: every panel shows data, and alerts fire that should. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Dashboard, Panel } from "@grafana/schema";
import { until } from "../parts/poll.js";
import { type FiringAlert, Prometheus, type Series } from "../parts/prometheus.js";
import { withScenario } from "../parts/scenario.js";
import { userRecord } from "../parts/system.js";
import { ADDRESS, type Topology } from "../parts/topology.js";
import { download, ping } from "../parts/traffic.js";

const ALICE = { action: "on", handle: "0000030000000090" } as const;
/** A handle of a length that no rule knows. */
const BROKEN = { action: "on", handle: "000003" } as const;
const NODE = "127.0.0.1:9464";

interface AskedPanel {
  readonly title: string;
  readonly expr: string;
}

/** Every query of every panel, with what Grafana would put in place of its variables. */
function panels(name: string): AskedPanel[] {
  const file = fileURLToPath(new URL(`../../../../deploy/grafana/${name}.json`, import.meta.url));
  const board = JSON.parse(readFileSync(file, "utf8")) as Dashboard;
  return ((board.panels ?? []) as Panel[]).flatMap(({ title = "", targets = [] }) =>
    targets.map((target) => ({
      title: `${name}: ${title}`,
      expr: String(target["expr"]).replaceAll("$__rate_interval", "1m").replaceAll("$node", NODE),
    })),
  );
}

it("every panel of the dashboards shows data, and two alerts fire in their time", async () => {
  const users = ({ alice, bob }: Topology): string => userRecord(alice, ALICE) + userRecord(bob, BROKEN);
  await withScenario({ users }, async ({ topology, actors, system }) => {
    const { alice, bob, edge, lab } = topology;
    const prometheus = await Prometheus.start(edge, lab.path("prometheus"));
    await until(async () => (await prometheus.query("sum(up)"))[0]?.value === 2, { what: "both scrapes" });
    assert.deepEqual(await prometheus.firing(), []);

    await actors.login({ subscriber: alice, id: "1048577" });
    await ping(alice.namespace, ADDRESS.server.ipv4);
    await download(alice.namespace, ADDRESS.server.ipv4, 1_000_000);
    const asked = [...panels("service"), ...panels("node")];
    assert.ok(asked.length > 50);
    let missing = asked;
    await until(
      async () => {
        const answers = await prometheus.queries(missing.map(({ expr }) => expr));
        missing = missing.filter((_, index) => !hasData(answers[index] ?? []));
        return missing.length === 0;
      },
      { what: "data in every panel", everyMs: 500, explain: () => missing.map(({ title }) => title).join("; ") },
    );
    const shown = async (expr: string): Promise<number | undefined> => (await prometheus.query(expr))[0]?.value;
    assert.equal(await shown('sum(submirror_intercepts{state="active"})'), 1);
    const mirrored = await shown("sum(submirror_mirrored_bytes_total)");
    assert.ok(mirrored !== undefined && mirrored > 1_000_000, `${mirrored} bytes`);
    assert.deepEqual(await prometheus.firing(), []);

    await actors.accept({ subscriber: bob, id: "1048578" });
    await firing(prometheus, "SubmirrorGatewayInstructionsRefused", "127.0.0.1:9465");
    system.agent.signal("SIGSTOP");
    await actors.accept({ subscriber: alice, id: "1048579" });
    const unanswered = await firing(prometheus, "SubmirrorGatewayHoldsUnanswered", "127.0.0.1:9465");
    system.agent.signal("SIGCONT");
    assert.equal(unanswered.labels["severity"], "page");
    assert.equal(
      unanswered.annotations["summary"],
      "Logins through 127.0.0.1:9465 went on before an agent had answered: timeout",
    );
  });
});

/** A rate needs two scrapes, a quantile something that was measured. */
function hasData(series: readonly Series[]): boolean {
  return series.some(({ value }) => !Number.isNaN(value));
}

async function firing(prometheus: Prometheus, name: string, instance: string): Promise<FiringAlert> {
  const of = (alert: FiringAlert): boolean =>
    alert.labels["alertname"] === name && alert.labels["instance"] === instance;
  return await until(async () => (await prometheus.firing()).find(of), { what: `the alert ${name}` });
}
