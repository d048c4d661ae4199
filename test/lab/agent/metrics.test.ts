/** What Prometheus gets from a running agent, judged by promtool. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { EventPublisher } from "../../../src/bus/publisher.js";
import { startTestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

/** Every metric of the contract. */
const CONTRACT = [
  "submirror_mirrored_packets_total",
  "submirror_mirrored_bytes_total",
  "submirror_dropped_packets_total",
  "submirror_fragmented_packets_total",
  "submirror_intercepts",
  "submirror_sessions",
  "submirror_events_total",
  "submirror_event_lag_messages",
  "submirror_activation_seconds",
  "submirror_map_entries",
  "submirror_map_capacity",
  "submirror_build_info",
];

const get = async (port: number, path: string): Promise<Response> => await fetch(`http://127.0.0.1:${port}${path}`);

/** Value of a sample, by its name and labels as they are written. */
function sample(text: string, name: string): number | undefined {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

test("metrics are complete, well named, counted, and name nobody", async () => {
  await using nats = await startTestNats();
  const datapath = new FakeDatapath();
  await using agent = await startTestAgent({ url: nats.url, datapath });
  await agent.ready;
  const publisher = new EventPublisher(await nats.connect());
  const attributes = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };
  await publisher.publish(radiusEvent("access-accept", { attributes, li: li("on") }));
  await publisher.publish(radiusEvent("access-accept", { attributes: { ...attributes, "Framed-IP-Address": "x" } }));
  const scrape = async (): Promise<string> => await (await get(agent.metricsPort, "/metrics")).text();
  await until("both events are counted", async () => {
    const text = await scrape();
    return sample(text, 'submirror_events_total{type="access-accept",result="rejected"}') === 1;
  });

  const text = await scrape();
  const judged = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  assert.equal(judged.status, 0, judged.stdout + judged.stderr);
  for (const name of CONTRACT) assert.ok(text.includes(`# TYPE ${name} `), `${name} is missing`);
  assert.equal(sample(text, 'submirror_events_total{type="access-accept",result="applied"}'), 1);
  assert.equal(sample(text, 'submirror_events_total{type="disconnect",result="stopped"}'), 0);
  assert.equal(sample(text, "submirror_sessions"), 1);
  assert.equal(sample(text, 'submirror_intercepts{state="active"}'), 1);
  assert.equal(sample(text, 'submirror_intercepts{state="failed"}'), 0);
  assert.equal(sample(text, "submirror_activation_seconds_count"), 1);
  assert.equal(sample(text, 'submirror_mirrored_packets_total{direction="from"}'), 7);
  assert.equal(sample(text, 'submirror_dropped_packets_total{reason="no-route"}'), 0);
  assert.equal(sample(text, "submirror_fragmented_packets_total"), 2);
  assert.equal(sample(text, 'submirror_map_entries{map="intercepts"}'), 1);
  assert.doesNotMatch(text, /alice|1048577|100\.64\.0\.7|i-[0-9a-f]{20}/);
});

test("an agent is alive at once and ready when the bus is there", async () => {
  await using nats = await startTestNats();
  await nats.stop();
  await using agent = await startTestAgent({ url: nats.url, datapath: new FakeDatapath() });
  assert.equal((await get(agent.metricsPort, "/healthz")).status, 200);
  const notReady = await get(agent.metricsPort, "/readyz");
  assert.equal(notReady.status, 503);
  assert.deepEqual(await notReady.json(), { status: "not ready", waitingFor: ["NATS", "sessions"] });
  await nats.start();
  await agent.ready;
  assert.equal((await get(agent.metricsPort, "/readyz")).status, 200);
  assert.equal((await get(agent.metricsPort, "/secret")).status, 404);
  await nats.stop();
  await until(
    "the agent says that the bus is gone",
    async () => (await get(agent.metricsPort, "/readyz")).status === 503,
  );
});
