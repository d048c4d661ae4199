/** Events arrive in their order, each taken once, whatever happens to server and agent. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { EventConsumer } from "../../../src/bus/event-consumer.js";
import type { EventHandler } from "../../../src/bus/ports.js";
import { EventPublisher } from "../../../src/bus/publisher.js";
import { EVENT_STREAM, ensureEventStream, StreamMismatchError } from "../../../src/bus/streams.js";
import { parseConfig } from "../../../src/config/load.js";
import { nasSubjects, RADIUS_SUBJECTS } from "../../../src/events/subjects.js";
import { radiusEvent } from "../../support/events.js";
import { silent, startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

const SETTINGS = parseConfig("", "test.yaml").nats.stream;

async function consumer(
  connection: NatsConnection,
  handler: EventHandler,
  filter = RADIUS_SUBJECTS,
): Promise<EventConsumer> {
  const manager = await jetstreamManager(connection);
  await ensureEventStream(manager, SETTINGS);
  const place = { durable: "agent_edge1", filter, owner: randomUUID() };
  return new EventConsumer(jetstream(connection), manager, { ...place, handler, log: silent });
}

async function publishMany(connection: NatsConnection, count: number, nas = "bng1"): Promise<void> {
  const publisher = new EventPublisher(connection);
  await Promise.all(Array.from({ length: count }, () => publisher.publish(radiusEvent("accounting-start", { nas }))));
  publisher.close();
}

/** A handler that notes sequences, and whose events count as stored when it is told. */
function recorder() {
  const seen: number[] = [];
  let release: () => void = () => undefined;
  const stored = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handler: EventHandler = async (messages) => {
    seen.push(...messages.map(({ seq }) => seq));
    await stored;
  };
  return { seen, handler, release };
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

test("what was not stored comes again to the next agent, what was stored does not", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const first = recorder();
  const dying = await consumer(connection, first.handler);
  assert.equal(await dying.start(), 0);
  await publishMany(connection, 300);
  await until("all are taken", () => first.seen.length === 300);
  assert.deepEqual(first.seen, upTo(300));
  // Nothing is stored, and the agent dies without a word.
  await connection.close();

  const second = recorder();
  second.release();
  const living = await consumer(await nats.connect(), second.handler);
  assert.equal(await living.start(), 300);
  await until("all came again", () => second.seen.length === 300);
  assert.deepEqual(second.seen, upTo(300));
  await living.stop();

  const third = recorder();
  third.release();
  const after = await consumer(await nats.connect(), third.handler);
  assert.equal(await after.start(), 0);
  await after.stop();
});

test("a server that stops and comes back loses and doubles nothing", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const { seen, handler, release } = recorder();
  release();
  const running = await consumer(connection, handler);
  await running.start();
  await publishMany(connection, 100);
  await until("the first hundred are taken", () => seen.length === 100);
  await nats.stop();
  await nats.start();
  await until("the connection is back", () =>
    connection.rtt().then(
      () => true,
      () => false,
    ),
  );
  void running.restart("test");
  await publishMany(connection, 100);
  await until("all are taken", () => seen.length >= 200);
  assert.deepEqual(seen, upTo(200));
  await running.stop();
});

test("restarting while events pour in keeps order and number", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const { seen, handler, release } = recorder();
  release();
  const running = await consumer(connection, handler);
  await running.start();
  const publishing = publishMany(await nats.connect(), 3000);
  for (let round = 0; round < 5; round++) {
    await until("some more have come", () => seen.length > round * 300);
    await running.restart("test");
  }
  await publishing;
  await until("all are taken", () => seen.length >= 3000);
  assert.deepEqual(seen, upTo(3000));
  await running.stop();
});

test("a consumer that an administrator deletes is made anew", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const { seen, handler, release } = recorder();
  release();
  const running = await consumer(connection, handler);
  await running.start();
  await publishMany(connection, 10);
  await until("ten are taken", () => seen.length === 10);
  await (await jetstreamManager(connection)).consumers.delete(EVENT_STREAM, "agent_edge1");
  await publishMany(connection, 10);
  await until("twenty are taken", () => seen.length === 20);
  assert.deepEqual(seen, upTo(20));
  await running.stop();
});

test("of two agents of one name, the later one has the events, and the other is told", async () => {
  await using nats = await startTestNats();
  const manager = await jetstreamManager(await nats.connect());
  await ensureEventStream(manager, SETTINGS);
  const make = async (name: string, told: string[], seen: number[]) =>
    new EventConsumer(jetstream(await nats.connect()), manager, {
      durable: "agent_edge1",
      filter: RADIUS_SUBJECTS,
      owner: name,
      log: silent,
      handler: async (messages) => void seen.push(...messages.map(({ seq }) => seq)),
      onTakenOver: () => told.push(name),
    });
  const told: string[] = [];
  const [earlierSaw, laterSaw]: [number[], number[]] = [[], []];
  const earlier = await make("earlier", told, earlierSaw);
  await earlier.start();
  await publishMany(await nats.connect(), 10);
  await until("the earlier one has taken them", () => earlierSaw.length === 10);
  const later = await make("later", told, laterSaw);
  await later.start();
  await until("the earlier one is told", () => told.length === 1);
  await publishMany(await nats.connect(), 10);
  await until("the later one has taken them", () => laterSaw.at(-1) === 20);
  assert.deepEqual(told, ["earlier"]);
  assert.deepEqual(earlierSaw, upTo(10));
  await Promise.all([earlier.stop(), later.stop()]);
});

test("a stream that was made anew is read from its first message", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const { seen, handler, release } = recorder();
  release();
  const running = await consumer(connection, handler);
  await running.start();
  await publishMany(connection, 20);
  await until("twenty are taken", () => seen.length === 20);
  const manager = await jetstreamManager(connection);
  await manager.streams.delete(EVENT_STREAM);
  await ensureEventStream(manager, SETTINGS);
  await publishMany(connection, 5);
  await until("five more are taken", () => seen.length === 25);
  assert.deepEqual(seen.slice(20), upTo(5));
  await running.stop();
});

test("a consumer of one NAS gets the events of that one alone", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const { seen, handler, release } = recorder();
  release();
  const running = await consumer(connection, handler, nasSubjects("192.0.2.1"));
  await running.start();
  await publishMany(connection, 3, "192.0.2.2");
  await publishMany(connection, 2, "192.0.2.1");
  await until("both are taken", () => seen.length === 2);
  assert.deepEqual(seen, [4, 5]);
  await running.stop();
});

test("a stream that would lose events is refused with what to change", async () => {
  await using nats = await startTestNats();
  const manager = await jetstreamManager(await nats.connect());
  await manager.streams.add({ name: EVENT_STREAM, subjects: ["radius.bng1.*"] });
  await assert.rejects(
    ensureEventStream(manager, SETTINGS),
    (error) => error instanceof StreamMismatchError && /nats stream edit/.test(error.message),
  );
  await manager.streams.delete(EVENT_STREAM);
  await manager.streams.add({ name: EVENT_STREAM, subjects: ["radius.>"], retention: "workqueue" });
  await assert.rejects(ensureEventStream(manager, SETTINGS), /retention/);
});

test("an event published twice is stored once; results reach whoever asked", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  await ensureEventStream(manager, SETTINGS);
  const publisher = new EventPublisher(connection);
  const event = radiusEvent("coa", { id: "same" });
  const results = publisher.results("same", AbortSignal.timeout(10_000));
  await publisher.publish(event);
  await publisher.publish(event);
  assert.equal((await manager.streams.info(EVENT_STREAM)).state.messages, 1);
  connection.publish("submirror.result.other", JSON.stringify({ node: "edge1", event: "other", result: "applied" }));
  connection.publish("submirror.result.same", "no JSON");
  connection.publish("submirror.result.same", JSON.stringify({ node: "edge1", event: "same", result: "unheard-of" }));
  connection.publish(
    "submirror.result.same",
    JSON.stringify({ node: "edge1", event: "same", result: "rejected", errorCause: 404, detail: "d" }),
  );
  connection.publish("submirror.result.same", JSON.stringify({ node: "edge2", event: "same", result: "applied" }));
  const got = [];
  for await (const result of results) {
    got.push(result);
    if (got.length === 2) break;
  }
  assert.deepEqual(got, [
    { node: "edge1", event: "same", result: "rejected", errorCause: 404, detail: "d" },
    { node: "edge2", event: "same", result: "applied" },
  ]);
  publisher.close();
});

test("an idle consumer asks again every few seconds: a server that has become its leader may need to be asked", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  let asked = 0;
  connection.subscribe("$JS.API.CONSUMER.MSG.NEXT.>", { callback: () => void (asked += 1) });
  const events = await consumer(connection, () => Promise.resolve());
  await events.start();
  await until("it has asked three times", () => asked >= 3, 15_000);
  await events.stop();
});
