/** What a running agent answers on its local socket. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AgentStatus, ListedCounters, ListedIntercept } from "../../../src/agent/local-api.js";
import { EventPublisher } from "../../../src/bus/publisher.js";
import { LocalClient } from "../../../src/security/process/local-client.js";
import { startTestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };

test("status, counters and intercepts; subjects only for whoever asks for them", async () => {
  await using nats = await startTestNats();
  const socket = join(tmpdir(), `submirror-local-${process.pid}.sock`);
  await using agent = await startTestAgent({ url: nats.url, datapath: new FakeDatapath(), socket });
  await agent.ready;
  const publisher = new EventPublisher(await nats.connect());
  const results = publisher.results("e1", AbortSignal.timeout(10_000));
  await publisher.publish({ ...radiusEvent("access-accept", { attributes: ALICE, li: li("on") }), id: "e1" });
  for await (const { result } of results) {
    assert.equal(result, "applied");
    break;
  }

  using client = await LocalClient.connect(socket);
  const { status } = (await client.ask({ get: "status" })) as { status: AgentStatus };
  assert.deepEqual(
    { node: status.node, security: status.security, waitingFor: status.waitingFor, sessions: status.sessions },
    { node: "edge1", security: "lab", waitingFor: [], sessions: 1 },
  );
  assert.deepEqual(status.intercepts, { active: 1, waiting: 0, failed: 0 });
  assert.deepEqual(status.maps, [{ map: "intercepts", entries: 1, capacity: 1000 }]);

  const { counters } = (await client.ask({ get: "counters" })) as { counters: ListedCounters };
  assert.deepEqual(counters.from, { packets: 7, bytes: 700 });
  assert.equal(counters.dropped.oversize, 3);

  const answer = await client.ask({ get: "intercepts" });
  const [intercept, ...others] = (answer as { intercepts: ListedIntercept[] }).intercepts;
  assert.equal(others.length, 0);
  assert.deepEqual(
    { id: intercept?.interceptId, session: intercept?.sessionId, state: intercept?.state, source: intercept?.source },
    { id: 0x300, session: 0x90, state: "active", source: "radiusLogin" },
  );
  for (const secret of ["alice", "1048577", "100.64.0.7"]) assert.ok(!JSON.stringify(answer).includes(secret), secret);

  const named = (await client.ask({ get: "intercepts", subjects: true })) as { intercepts: ListedIntercept[] };
  assert.deepEqual(named.intercepts[0]?.subject, {
    nas: "bng1",
    userName: "alice",
    acctSessionId: "1048577",
    prefixes: ["100.64.0.7/32"],
  });
  await assert.rejects(client.ask({ get: "keys" }), /"get" must be "status", "intercepts" or "counters"/);
});

test("an agent whose socket is taken mirrors all the same", async () => {
  await using nats = await startTestNats();
  const socket = join(tmpdir(), `submirror-local-${process.pid}-taken.sock`);
  await using first = await startTestAgent({ url: nats.url, datapath: new FakeDatapath(), socket });
  await first.ready;
  await using second = await startTestAgent({
    url: nats.url,
    datapath: new FakeDatapath(),
    socket,
    yaml: "nas: [bng9]",
    node: "edge2",
  });
  await second.ready;
  using client = await LocalClient.connect(socket);
  const { status } = (await client.ask({ get: "status" })) as { status: AgentStatus };
  assert.equal(status.node, "edge1");
});
