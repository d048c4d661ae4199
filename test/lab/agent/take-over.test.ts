/** Nodes take over from one another: what is known of sessions is in the bucket, and not in any one of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { EventPublisher } from "../../../src/bus/publisher.js";
import { EVENT_STREAM, SESSION_STREAM } from "../../../src/bus/streams.js";
import type { EventResult, RadiusEvent } from "../../../src/events/types.js";
import { startTestAgent, type TestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

const person = (number: number) => ({
  "User-Name": `user${number}`,
  "Acct-Session-Id": `${1_000_000 + number}`,
  "Framed-IP-Address": `100.64.${number >> 8}.${number & 255}`,
});
const handle = (number: number) => `${(0x300 + number).toString(16).padStart(8, "0")}00000090`;
const login = (number: number) =>
  radiusEvent("access-accept", { attributes: person(number), li: li("on", { handle: handle(number) }) });

async function ask(publisher: EventPublisher, event: RadiusEvent, answers = 1): Promise<EventResult[]> {
  const results = publisher.results(event.id, AbortSignal.timeout(20_000));
  await publisher.publish(event);
  const got: EventResult[] = [];
  for await (const result of results) if (got.push(result) === answers) return got;
  throw new Error(`${got.length} results for ${event.type}`);
}

async function startNode(url: string, node: string, datapath = new FakeDatapath()): Promise<TestAgent> {
  const agent = await startTestAgent({ url, node, datapath });
  await agent.ready;
  return agent;
}

/** Waits until no agent has anything of the stream before it any more. */
async function untilStored(connection: NatsConnection, ...nodes: readonly string[]): Promise<void> {
  const manager = await jetstreamManager(connection);
  await until("all events are taken and stored", async () => {
    const { last_seq: last } = (await manager.streams.info(EVENT_STREAM)).state;
    const infos = await Promise.all(nodes.map((node) => manager.consumers.info(EVENT_STREAM, `agent_${node}`)));
    return infos.every(({ ack_floor: { stream_seq: acknowledged } }) => acknowledged >= last);
  });
}

test("a node that has never run serves the NAS from the bucket, the events being long gone", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  const first = new FakeDatapath();
  await using earlier = await startNode(nats.url, "edge1", first);
  for (let number = 0; number < 50; number++) await publisher.publish(login(number));
  await untilStored(connection, "edge1");
  await earlier.stop();
  const manager = await jetstreamManager(connection);
  await manager.streams.purge(EVENT_STREAM);

  const second = new FakeDatapath();
  await using later = await startNode(nats.url, "edge2", second);
  assert.deepEqual(new Map(second.specs), new Map(first.specs), "the same intercepts, under the same keys");
  const stop = radiusEvent("coa", {
    attributes: { "Acct-Session-Id": "1000007" },
    li: li("off", { handle: handle(7) }),
  });
  assert.deepEqual(
    (await ask(publisher, stop)).map(({ node, result }) => `${node} ${result}`),
    ["edge2 stopped"],
  );
  assert.equal(second.specs.size, 49);
  await later.stop();
});

test("two nodes serve one NAS: both mirror, both answer, and the bucket is right whoever ends first", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  const [one, other] = [new FakeDatapath(), new FakeDatapath()];
  await using first = await startNode(nats.url, "edge1", one);
  await using second = await startNode(nats.url, "edge2", other);
  for (let number = 0; number < 100; number++) {
    const event = login(number);
    if (number === 99)
      assert.equal((await ask(publisher, event, 2)).filter(({ result }) => result === "applied").length, 2);
    else await publisher.publish(event);
  }
  for (let number = 0; number < 100; number += 2)
    await publisher.publish(radiusEvent("accounting-stop", { attributes: person(number) }));
  await untilStored(connection, "edge1", "edge2");
  assert.deepEqual(new Map(one.specs), new Map(other.specs));
  assert.equal(one.specs.size, 50);
  await first.stop();
  await publisher.publish(radiusEvent("accounting-stop", { attributes: person(1) }));
  await untilStored(connection, "edge2");
  await second.stop();
  const third = new FakeDatapath();
  await using last = await startNode(nats.url, "edge3", third);
  assert.equal(third.specs.size, 49);
  await last.stop();
});

test("a node that comes back after a day drops what ended meanwhile before it mirrors anything", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  // The kernel of edge1 goes on while its agent is away.
  const kernel = new FakeDatapath();
  await using away = await startNode(nats.url, "edge1", kernel);
  await using other = await startNode(nats.url, "edge2");
  for (let number = 0; number < 20; number++) await publisher.publish(login(number));
  await untilStored(connection, "edge1", "edge2");
  await away.stop();
  const held = new Set(kernel.specs.keys());
  for (let number = 0; number < 10; number++)
    await publisher.publish(radiusEvent("accounting-stop", { attributes: person(number) }));
  // Somebody else has one of their addresses by now, and is under another intercept.
  const heir = { ...person(500), "Framed-IP-Address": "100.64.0.3" };
  await publisher.publish(radiusEvent("access-accept", { attributes: heir, li: li("on", { handle: handle(500) }) }));
  await untilStored(connection, "edge2");
  // Of the day, only what is in the bucket is left.
  await (await jetstreamManager(connection)).streams.purge(EVENT_STREAM);

  kernel.journal.length = 0;
  await using back = await startNode(nats.url, "edge1", kernel);
  const ended = kernel.journal.flatMap((entry) => (entry.startsWith("remove ") ? [entry.slice(7)] : []));
  assert.equal(ended.length, 10);
  assert.ok(ended.every((key) => held.has(key)));
  assert.ok(
    kernel.journal.slice(0, 10).every((entry) => entry.startsWith("remove ")),
    "what ended goes first",
  );
  assert.equal(kernel.specs.size, 11);
  assert.equal(kernel.journal.at(-1), "activate");
  await back.stop();
  await other.stop();
});

test("a bucket that was deleted is made anew, with all that the agent knows", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  const first = new FakeDatapath();
  await using agent = await startNode(nats.url, "edge1", first);
  for (let number = 0; number < 20; number++) await publisher.publish(login(number));
  await untilStored(connection, "edge1");
  const manager = await jetstreamManager(connection);
  await manager.streams.delete(SESSION_STREAM);
  await publisher.publish(login(20));
  await untilStored(connection, "edge1");
  await until("all records are stored again", async () => {
    return (await manager.streams.info(SESSION_STREAM)).state.messages === 21;
  });
  await manager.streams.purge(EVENT_STREAM);
  const second = new FakeDatapath();
  await using later = await startNode(nats.url, "edge2", second);
  assert.equal(second.specs.size, 21);
  assert.deepEqual(new Map(second.specs), new Map(first.specs));
  await Promise.all([agent.stop(), later.stop()]);
});

test("the bucket holds what is: no more after a day of logins than before", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const publisher = new EventPublisher(connection);
  await using agent = await startNode(nats.url, "edge1");
  for (let number = 0; number < 200; number++) {
    await publisher.publish(radiusEvent("accounting-start", { attributes: person(number) }));
    if (number % 10 === 0) await untilStored(connection, "edge1");
    await publisher.publish(radiusEvent("accounting-stop", { attributes: person(number) }));
  }
  await untilStored(connection, "edge1");
  const { state } = await (await jetstreamManager(connection)).streams.info(SESSION_STREAM);
  // Markers alone, of those that were stored at all; they are purged after an hour.
  assert.ok(state.messages <= 200, `${state.messages}`);
  await agent.stop();
  const datapath = new FakeDatapath();
  await using again = await startNode(nats.url, "edge1", datapath);
  assert.equal(datapath.specs.size, 0);
  await again.stop();
});
