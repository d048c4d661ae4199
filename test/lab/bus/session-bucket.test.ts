/** Session records on a real server: two agents write one bucket, and neither undoes what the other knows better. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { AUDIT_STREAM, ensureAuditStream } from "../../../src/bus/audit-stream.js";
import { DEAD_LETTER_STREAM, ensureDeadLetterStream } from "../../../src/bus/dead-letter-stream.js";
import { MarkerPurge } from "../../../src/bus/marker-purge.js";
import type { RecordVersion, Settle } from "../../../src/bus/ports.js";
import { SessionBucket } from "../../../src/bus/session-bucket.js";
import {
  EVENT_STREAM,
  ensureEventStream,
  ensureStream,
  replicaDifferences,
  SESSION_BUCKET,
  SESSION_STREAM,
} from "../../../src/bus/streams.js";
import { ensureTaskStream, TASK_STREAM } from "../../../src/bus/task-stream.js";
import { parseConfig } from "../../../src/config/load.js";
import { startTestNats } from "../../support/nats.js";

const SETTINGS = parseConfig("", "test.yaml").nats.stream;
const KEY = "bng1.1048577";
const HOUR_MS = 3_600_000;

async function open(connection: NatsConnection): Promise<SessionBucket> {
  const manager = await jetstreamManager(connection);
  await ensureEventStream(manager, SETTINGS);
  return await SessionBucket.open({ connection, manager, replicas: 1, maxAgeHours: 1 });
}

/** Records of these tests are their sequence. */
const record = (seq: number): RecordVersion => ({ seq, data: Buffer.from(String(seq)) });
const removal = (seq: number): RecordVersion => ({ seq, data: undefined });
const seqOf = ({ seq, data }: RecordVersion): number => (data === undefined ? seq : Number(Buffer.from(data)));
const laterWins: Settle = (_key, ours, theirs) => (seqOf(ours) > seqOf(theirs) ? ours : undefined);
const unasked: Settle = () => assert.fail("there was nothing to settle");

const write = (bucket: SessionBucket, version: RecordVersion, settle = laterWins, key = KEY) =>
  bucket.write(new Map([[key, version]]), settle);

async function contents(bucket: SessionBucket): Promise<string[]> {
  const found: string[] = [];
  await bucket.load([], {
    record: (key, data) => void found.push(`${key}=${Buffer.from(data).toString()}`),
    expect: () => undefined,
    ended: (key, seq) => void found.push(`${key} ended behind ${seq}`),
  });
  return found.toSorted();
}

test("of two agents that serve one NAS, the one that lags neither overwrites nor brings back", async () => {
  await using nats = await startTestNats();
  const [ahead, behind] = [await open(await nats.connect()), await open(await nats.connect())];
  assert.deepEqual(await write(ahead, record(10), unasked), { theirs: 0, ours: 0 });
  assert.deepEqual(await write(ahead, record(20), unasked), { theirs: 0, ours: 0 });
  assert.deepEqual(await write(behind, record(10)), { theirs: 1, ours: 0 });
  assert.deepEqual(await contents(ahead), [`${KEY}=20`]);
  assert.deepEqual(await write(behind, record(30), unasked), { theirs: 0, ours: 0 }, "it has seen the revision by now");
  await write(ahead, removal(40));
  assert.deepEqual(await write(behind, record(30)), { theirs: 1, ours: 0 });
  assert.deepEqual(await contents(behind), []);
  assert.deepEqual(await write(behind, record(50), unasked), { theirs: 0, ours: 0 });
  assert.deepEqual(await write(ahead, removal(45)), { theirs: 1, ours: 0 });
  assert.deepEqual(await contents(ahead), [`${KEY}=50`]);
});

test("agents that write at the same moment all come through, and the latest stands", async () => {
  await using nats = await startTestNats();
  const buckets = await Promise.all(Array.from({ length: 5 }, async () => await open(await nats.connect())));
  for (let round = 0; round < 10; round++) {
    await Promise.all(buckets.map((bucket, index) => write(bucket, record(round * 10 + ((index + round) % 5)))));
    assert.deepEqual(await contents(buckets[0] ?? assert.fail()), [`${KEY}=${round * 10 + 4}`]);
  }
});

test("many records at once, each with its own revision, read back by a node that has never run", async () => {
  await using nats = await startTestNats();
  const bucket = await open(await nats.connect());
  const keys = Array.from({ length: 10_000 }, (_, number) => `bng1.${number}`);
  for (const seq of [1, 2]) await bucket.write(new Map(keys.map((key) => [key, record(seq)])), laterWins);
  const other = await open(await nats.connect());
  assert.equal((await contents(other)).filter((line) => line.endsWith("=2")).length, keys.length);
  const conflicts = await other.write(new Map(keys.map((key) => [key, record(3)])), laterWins);
  assert.equal(conflicts.theirs, 0);
  assert.ok(conflicts.ours < keys.length / 100, `${conflicts.ours} guesses were wrong`);
  assert.equal((await contents(bucket)).filter((line) => line.endsWith("=3")).length, keys.length);
});

test("records of a stream of events that was made anew say so, and are no obstacle", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const old = await open(connection);
  await write(old, record(5000));
  const manager = await jetstreamManager(connection);
  await manager.streams.delete(EVENT_STREAM);
  const bucket = await open(connection);
  const ofThisStream: boolean[] = [];
  await bucket.load([], {
    record: (_key, _data, isOfThisStream) => void ofThisStream.push(isOfThisStream),
    expect: () => undefined,
    ended: () => assert.fail(),
  });
  assert.deepEqual(ofThisStream, [false]);
  const third = await open(connection);
  await write(third, record(7), unasked);
  assert.deepEqual(await contents(third), [`${KEY}=7`]);
  await old.followStream();
  await write(old, record(8));
  assert.deepEqual(await contents(third), [`${KEY}=8`]);
});

test("what removed records leave behind is purged after a while, and nothing that came under the key since", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  const bucket = await open(connection);
  const subjects = async () => (await manager.streams.info(SESSION_STREAM)).state.num_subjects;
  for (const [key, version] of [
    ["bng1.1", record(1)],
    ["bng1.2", record(2)],
    ["bng1.1", removal(3)],
    ["bng1.2", removal(4)],
  ] as const)
    await write(bucket, version, unasked, key);
  assert.equal(await subjects(), 2);
  assert.equal(await bucket.purgeMarkers(), 0, "not yet");
  let now = Date.now();
  const purge = new MarkerPurge(manager, `$KV.${SESSION_BUCKET}.`, 7 * HOUR_MS, () => now);
  const { state } = await manager.streams.info(SESSION_STREAM);
  await write(bucket, { ...removal(5), isUnsaid: true }, unasked, "bng1.3");
  purge.add("bng1.1", state.last_seq - 1, now, false);
  purge.add("bng1.2", state.last_seq, now, false);
  purge.add("bng1.3", state.last_seq + 1, now, true);
  await write(bucket, record(9), laterWins, "bng1.2");
  assert.equal(await purge.purge(), 0);
  now += HOUR_MS + 1;
  assert.equal(await purge.purge(), 2);
  assert.equal(await subjects(), 2);
  assert.deepEqual(await contents(bucket), ["bng1.2=9", "bng1.3 ended behind 5"]);
  now += 7 * HOUR_MS;
  assert.equal(await purge.purge(), 1, "what no event says is known as long as events can be read again");
  assert.deepEqual(await contents(bucket), ["bng1.2=9"]);
  await write(bucket, record(10), laterWins, "bng1.1");
  assert.deepEqual(await contents(bucket), ["bng1.1=10", "bng1.2=9"]);
});

test("a stream that the server has no room for is refused with the remedy", async () => {
  await using nats = await startTestNats();
  const manager = await jetstreamManager(await nats.connect());
  await assert.rejects(
    ensureEventStream(manager, { ...SETTINGS, maxBytes: 2 ** 50 }),
    /^StreamMismatchError: NATS has no room for the stream RADIUS: .* make nats\.stream\.maxBytes smaller$/,
  );
});

test("streams beside that of events are made where they are not there, and left as they are where they are", async () => {
  await using nats = await startTestNats();
  const manager = await jetstreamManager(await nats.connect());
  const kept = async (name: string): Promise<object> => {
    const { max_bytes, max_age, deny_delete, num_replicas } = (await manager.streams.info(name)).config;
    return { max_bytes, max_age, deny_delete, num_replicas };
  };
  const make = async (hours: number): Promise<object[]> => {
    await ensureAuditStream(manager, 1);
    await ensureTaskStream(manager, { replicas: 1, maxDurationHours: hours });
    await ensureDeadLetterStream(manager, { replicas: 1, maxAgeHours: hours });
    return Promise.all([AUDIT_STREAM, TASK_STREAM, DEAD_LETTER_STREAM].map(kept));
  };
  const first = await make(1);
  assert.deepEqual(await make(2), first);
  const wanted = { name: "LARGE", subjects: ["large"], max_bytes: 2 ** 50 };
  await assert.rejects(ensureStream(manager, wanted), /^StreamMismatchError: NATS has no room for the stream LARGE: /);
});

test("what differs from the configuration is said, with the command that changes it", async () => {
  await using nats = await startTestNats();
  const manager = await jetstreamManager(await nats.connect());
  assert.deepEqual(await ensureEventStream(manager, SETTINGS), []);
  assert.deepEqual(await ensureEventStream(manager, SETTINGS), []);
  const differences = await ensureEventStream(manager, { ...SETTINGS, replicas: 3, maxAgeHours: 1 });
  assert.equal(differences.length, 2);
  assert.match(differences.join("\n"), /max_age .*nats\.stream\.maxAgeHours .*nats stream edit RADIUS --max-age/);
  assert.match(differences.join("\n"), /num_replicas 1, nats\.stream\.replicas means 3/);
  assert.deepEqual(await replicaDifferences(manager, [EVENT_STREAM], 1), []);
  assert.match((await replicaDifferences(manager, [EVENT_STREAM], 3)).join(), /nats stream edit RADIUS --replicas 3/);
});
