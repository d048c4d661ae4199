/** What a stream holds is read whole, in order, each message once, whatever happens meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { errors, headers, type NatsConnection } from "@nats-io/transport-node";
import { headerIn } from "../../../src/bus/header-text.js";
import { readStream, type StreamMessage } from "../../../src/bus/stream-reading.js";
import { StreamWriter } from "../../../src/bus/stream-writer.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

const HEARTBEAT_MS = 200;

async function fill(connection: NatsConnection, count: number): Promise<JetStreamManager> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "S", subjects: ["s.>"] });
  const writer = new StreamWriter(connection);
  const about = headers();
  about.set("About", "it");
  await Promise.all(Array.from({ length: count }, (_, i) => writer.publish(`s.${i % 2}.${i}`, `message ${i}`, about)));
  writer.close();
  return manager;
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

test("every message that fits the filter comes once, in order, with what belongs to it", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const before = Date.now();
  const manager = await fill(connection, 40_000);
  const part = { connection, manager, stream: "S" };
  const all: StreamMessage[] = [];
  await readStream({ ...part, filter: "s.>" }, (message) => void all.push(message));
  assert.deepEqual(
    all.map(({ seq }) => seq),
    upTo(40_000),
  );
  const { subject, data, headers: about, time } = all[1234] as StreamMessage;
  assert.deepEqual(
    [subject, Buffer.from(data).toString(), headerIn(about, "About")],
    ["s.0.1234", "message 1234", "it"],
  );
  assert.ok(time >= before - 1 && time <= Date.now() + 1);
  const odd: number[] = [];
  await readStream({ ...part, filter: "s.1.>" }, ({ seq }) => void odd.push(seq));
  assert.deepEqual(
    odd,
    upTo(40_000).filter((seq) => seq % 2 === 0),
  );
  assert.deepEqual(await manager.consumers.list("S").next(), [], "no consumer stays behind");
});

test("where nothing is there, it is done at once, and where the stream is not, it says so", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await fill(connection, 0);
  const part = { connection, manager, filter: "s.>" };
  await readStream({ ...part, stream: "S" }, () => assert.fail("there is nothing"));
  await assert.rejects(
    readStream({ ...part, stream: "T" }, () => undefined),
    /stream not found/,
  );
  await assert.rejects(
    fill(connection, 1).then(() =>
      readStream({ ...part, stream: "S" }, () => {
        throw new Error("what the reader throws");
      }),
    ),
    /what the reader throws/,
  );
});

test("a server that goes and comes back in the middle costs no message and repeats none", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await fill(connection, 60_000);
  const seen: number[] = [];
  let restarted: Promise<void> | undefined;
  const part = { connection, manager, stream: "S", filter: "s.>", heartbeatMs: HEARTBEAT_MS };
  const reading = readStream(part, ({ seq }) => {
    seen.push(seq);
    if (seen.length === 1000) restarted = nats.stop().then(() => nats.start());
  });
  await until("the server has gone", () => restarted !== undefined);
  await restarted;
  await reading;
  assert.deepEqual(seen, upTo(60_000));
});

test("a request that nobody answers is made again", async () => {
  await using nats = await startTestNats();
  const manager = await fill(await nats.connect(), 10);
  const connection = await nats.connect();
  let requests = 0;
  const consumers = Object.create(manager.consumers, {
    add: {
      value: (...request: Parameters<typeof manager.consumers.add>) => {
        if (requests++ > 0) return manager.consumers.add(...request);
        return Promise.reject(new errors.TimeoutError());
      },
    },
  }) as typeof manager.consumers;
  const part = { connection, manager: Object.create(manager, { consumers: { value: consumers } }) as typeof manager };
  const seen: number[] = [];
  await readStream({ ...part, stream: "S", filter: "s.>" }, ({ seq }) => void seen.push(seq));
  assert.deepEqual(seen, upTo(10));
  assert.equal(requests, 2);
});

test("messages that are removed while it reads do not keep it waiting", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await fill(connection, 60_000);
  const seen: number[] = [];
  let purged: Promise<unknown> | undefined;
  const part = { connection, manager, stream: "S", filter: "s.>", heartbeatMs: HEARTBEAT_MS };
  await readStream(part, ({ seq }) => {
    seen.push(seq);
    purged ??= manager.streams.purge("S", { keep: 1 });
  });
  await purged;
  assert.equal(seen.at(-1), 60_000);
  assert.deepEqual(
    seen,
    seen.toSorted((one, other) => one - other),
  );
});
