/** Acknowledgements of JetStream find their way back, each to its own message, also those that are refusals or never come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JetStreamApiError, JetStreamError, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type MsgHdrs } from "@nats-io/transport-node";
import { StreamWriter } from "../../../src/bus/stream-writer.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

function about(fields: Readonly<Record<string, string>>): MsgHdrs {
  const made = headers();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

test("messages are stored in their order, each under the sequence that its publisher is told, one of the same id once", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "S", subjects: ["s.>"] });
  const writer = new StreamWriter(connection);
  const sent = Array.from({ length: 3000 }, (_, i) =>
    writer.publish(`s.${i}`, `${i}`, about({ "Nats-Msg-Id": `${i}` })),
  );
  assert.deepEqual(
    await Promise.all(sent),
    sent.map((_, i) => i + 1),
  );
  assert.equal(await writer.publish("s.7", "again", about({ "Nats-Msg-Id": "7" })), 8);
  assert.equal((await manager.streams.getMessage("S", { seq: 8 }))?.string(), "7");
  writer.close();
});

test("acknowledgements come to inboxes of the connection's own prefix, which may be all that it may subscribe to", async () => {
  await using nats = await startTestNats();
  const watching = await nats.connect();
  await (await jetstreamManager(watching)).streams.add({ name: "S", subjects: ["s.>"] });
  const inboxes: string[] = [];
  watching.subscribe("_INBOX.submirror-gateway-gw1.>", {
    callback: (_error, { subject }) => void inboxes.push(subject),
  });
  await watching.flush();
  const connection = await connect({ servers: nats.url, inboxPrefix: "_INBOX.submirror-gateway-gw1" });
  const writer = new StreamWriter(connection);
  assert.equal(await writer.publish("s.a", "1", headers()), 1);
  await until("the acknowledgement is seen", () => inboxes.length === 1);
  writer.close();
  await connection.close();
});

test("a refusal of the stream rejects its own message alone, with the stream's code", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  await (await jetstreamManager(connection)).streams.add({ name: "S", subjects: ["s.>"] });
  const writer = new StreamWriter(connection);
  const [good, refused, after] = await Promise.allSettled([
    writer.publish("s.a", "1", headers()),
    writer.publish("s.a", "2", about({ "Nats-Expected-Last-Subject-Sequence": "9" })),
    writer.publish("s.a", "3", headers()),
  ]);
  assert.deepEqual(
    [good, after].map((it) => it?.status === "fulfilled" && it.value),
    [1, 2],
  );
  assert.ok(refused?.status === "rejected" && refused.reason instanceof JetStreamApiError);
  assert.equal(refused.reason.code, 10071);
  writer.close();
});

test("what no stream takes is refused at once, what nobody acknowledges when its time is over, what is under way when it ends", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  connection.subscribe("silent.>", { callback: () => undefined });
  connection.subscribe("odd.>", { callback: (_error, message) => void message.respond("no acknowledgement") });
  const writer = new StreamWriter(connection, 100);
  await assert.rejects(writer.publish("nobody.a", "1", headers()), /no stream takes/);
  await assert.rejects(writer.publish("odd.a", "1", headers()), /has no sequence/);
  await assert.rejects(writer.publish("silent.a", "1", headers()), /in time/);
  const underWay = writer.publish("silent.a", "1", headers());
  writer.close();
  await assert.rejects(underWay, JetStreamError);
});
