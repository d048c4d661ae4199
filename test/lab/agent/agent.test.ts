/** The agent with a real nats-server: events in, intercepts in the datapath, results out, and all of it again after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { EventPublisher } from "../../../src/bus/publisher.js";
import type { EventResult, RadiusEvent } from "../../../src/events/types.js";
import { startTestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

const ALICE = { "User-Name": "alice", "Framed-IP-Address": "100.64.0.7", "NAS-Port-Id": "ge-1/0/0.100" };
const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.8" };

async function ask(publisher: EventPublisher, event: RadiusEvent): Promise<EventResult> {
  const results = publisher.results(event.id, AbortSignal.timeout(10_000));
  await publisher.publish(event);
  for await (const result of results) return result;
  throw new Error(`no result for ${event.type}`);
}

test("a login with an instruction is mirrored before it is answered", async () => {
  await using nats = await startTestNats();
  const datapath = new FakeDatapath();
  await using agent = await startTestAgent({ url: nats.url, datapath });
  await agent.ready;
  const publisher = new EventPublisher(await nats.connect());
  const result = await ask(publisher, radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  assert.equal(result.result, "applied");
  assert.deepEqual(datapath.only().matches, [{ kind: "ipv4", prefix: "100.64.0.7/32" }]);
  assert.deepEqual(datapath.only().header, { format: "junos", interceptId: 0x300, sessionId: 0x90 });
  await agent.stop();
});

test("sessions and intercepts outlive the agent", async () => {
  await using nats = await startTestNats();
  const publisher = new EventPublisher(await nats.connect());
  const first = new FakeDatapath();
  await using agent = await startTestAgent({ url: nats.url, datapath: first });
  await agent.ready;
  await publisher.publish(radiusEvent("accounting-start", { attributes: BOB }));
  assert.equal(
    (await ask(publisher, radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }))).result,
    "applied",
  );
  await agent.stop();
  assert.ok(first.closed);

  const second = new FakeDatapath();
  await using again = await startTestAgent({ url: nats.url, datapath: second });
  await again.ready;
  assert.deepEqual([...second.specs.values()], [...first.specs.values()]);
  assert.equal(
    (await ask(publisher, radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("off") }))).result,
    "stopped",
  );
  await until("the intercept is gone", () => second.specs.size === 0);
  await again.stop();
});

test("a stream that was lost, with the records still there, does not hide the events of the new one", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  const agent = await startTestAgent({ url: nats.url, datapath: new FakeDatapath() });
  await agent.ready;
  for (let round = 0; round < 5; round++) await publisher.publish(radiusEvent("accounting-start", { nas: "bng2" }));
  await publisher.publish(radiusEvent("accounting-start", { attributes: BOB }));
  await ask(publisher, radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }));
  await agent.stop();
  await (await jetstreamManager(connection)).streams.delete("RADIUS");

  const datapath = new FakeDatapath();
  await using again = await startTestAgent({ url: nats.url, datapath });
  await again.ready;
  assert.equal(datapath.specs.size, 1);
  const stopped = await ask(publisher, radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("off") }));
  assert.equal(stopped.result, "stopped");
});

test("events published before the first agent ever ran are carried out", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  await using warmUp = await startTestAgent({ url: nats.url, datapath: new FakeDatapath(), yaml: "nas: [other]" });
  await warmUp.ready;
  await warmUp.stop();
  const publisher = new EventPublisher(connection);
  await publisher.publish(radiusEvent("access-accept", { attributes: { ...BOB }, li: li("on") }));
  await publisher.publish(
    radiusEvent("access-accept", { attributes: { ...ALICE, "Acct-Session-Id": "5" }, li: li("on") }),
  );
  await publisher.publish(radiusEvent("accounting-stop", { attributes: { "Acct-Session-Id": "5" } }));
  const datapath = new FakeDatapath();
  datapath.specs.set("of-an-earlier-run", { ...(await specOfAnEarlierRun()) });
  await using agent = await startTestAgent({ url: nats.url, datapath });
  await agent.ready;
  assert.deepEqual(datapath.only().matches, [{ kind: "ipv4", prefix: "100.64.0.8/32" }]);
  assert.equal(datapath.journal[0], "remove of-an-earlier-run");
  await agent.stop();
});

async function specOfAnEarlierRun() {
  return {
    key: "of-an-earlier-run",
    matches: [],
    direction: "both" as const,
    header: { format: "junos" as const, interceptId: 1, sessionId: 1 },
    mediation: { address: "198.51.100.9", port: 30030 },
  };
}
