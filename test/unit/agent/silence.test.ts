/** Sessions that end because nothing is heard of them any more, and those that do not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "../../support/agent-bench.js";
import { li, radiusEvent } from "../../support/events.js";
import { MemoryRecords } from "../../support/memory.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };
const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" };
const DAY_MS = 86_400_000;

/** An agent whose sessions are looked at, all of them, as time goes by. */
function sweep(bench: Bench, seconds: number): void {
  bench.passed += seconds * 1000;
  bench.agent.endSilent();
}

test("a session of which no interim update comes ends, while its NAS is heard", async () => {
  const bench = new Bench({ yaml: "sessions: { interimSeconds: 600 }" });
  bench.agent.goLive();
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  await bench.publish(radiusEvent("accounting-start", { attributes: ALICE }));
  await bench.publish(radiusEvent("accounting-start", { attributes: BOB }));
  for (let interval = 1; interval <= 3; interval++) {
    sweep(bench, 590);
    assert.equal(bench.agent.store.size, 2, `after ${interval} intervals`);
    await bench.publish(radiusEvent("accounting-interim", { attributes: BOB }));
  }
  sweep(bench, 40);
  assert.equal(bench.agent.store.size, 1);
  assert.equal(bench.datapath.specs.size, 0);
  assert.equal(bench.sender.notifications().at(-1), "LiSubscriberLoggedOut");
  assert.match(bench.sender.sent.at(-1)?.payload ?? "", /no interim update came any more/);
  assert.equal(await bench.metric('submirror_silent_sessions_total{kind="session"}'), 1);
  await bench.agent.stop();
  assert.deepEqual([...bench.records.stored.keys()], ["bng1.1048578"]);
});

test("the interval that the Access-Accept gave counts for its session", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  await bench.publish(radiusEvent("access-accept", { attributes: { ...ALICE, "Acct-Interim-Interval": "60" } }));
  await bench.publish(radiusEvent("accounting-start", { attributes: BOB }));
  for (let minute = 0; minute < 4; minute++) {
    assert.equal(bench.agent.store.size, 2);
    sweep(bench, 50);
    await bench.publish(radiusEvent("accounting-interim", { attributes: BOB }));
  }
  sweep(bench, 0);
  assert.deepEqual(
    [...bench.agent.store.all()].map(({ acctSessionId }) => acctSessionId),
    ["1048578"],
    "without an interval, nobody knows what silence means",
  );
});

test("a NAS of which nothing is heard at all keeps its sessions, for a day", async () => {
  const bench = new Bench({ yaml: "sessions: { interimSeconds: 600 }" });
  bench.agent.goLive();
  await bench.publish(radiusEvent("accounting-start", { attributes: ALICE }));
  await bench.publish(radiusEvent("accounting-start", { attributes: BOB }));
  sweep(bench, 6 * 3600);
  assert.equal(bench.agent.store.size, 2);
  // The way is mended: whoever is online has its time to say so.
  await bench.publish(radiusEvent("accounting-interim", { attributes: BOB }));
  sweep(bench, 590);
  assert.equal(bench.agent.store.size, 2);
  sweep(bench, DAY_MS / 1000);
  assert.equal(bench.agent.store.size, 0);
});

test("a login that no accounting follows ends, where the NAS does accounting", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  const pending = { "User-Name": "alice", "Framed-IP-Address": "100.64.0.7" };
  await bench.publish(radiusEvent("access-accept", { attributes: pending, li: li("on") }));
  await bench.publish(radiusEvent("access-accept", { nas: "bng2", attributes: pending, li: li("on") }));
  for (let minute = 0; minute < 5; minute++) {
    sweep(bench, 118);
    await bench.publish(radiusEvent("accounting-interim", { attributes: BOB }));
    await bench.publish(radiusEvent("access-accept", { nas: "bng2", attributes: { "User-Name": "carol" } }));
  }
  assert.equal(bench.agent.store.pending, 7);
  sweep(bench, 15);
  assert.deepEqual(
    [...bench.agent.store.all()].filter(({ nas }) => nas === "bng1").map(({ acctSessionId }) => acctSessionId),
    ["1048578"],
  );
  assert.equal(bench.datapath.specs.size, 1, "bng2 does no accounting");
  assert.equal(await bench.metric('submirror_silent_sessions_total{kind="login"}'), 1);
});

test("what ended in silence is not brought back by a node that reads the stream from its beginning", async () => {
  const events = [
    radiusEvent("access-accept", { attributes: ALICE, li: li("on") }),
    radiusEvent("accounting-start", { attributes: ALICE }),
  ];
  const first = new Bench({ yaml: "sessions: { interimSeconds: 600, silentNasHours: 1 }" });
  first.agent.goLive();
  for (const event of events) await first.publish(event);
  sweep(first, 3601);
  await first.agent.stop();
  assert.equal(first.records.stored.size, 0);
  const second = new Bench({ records: new MemoryRecords(first.records) });
  assert.equal(await second.agent.load(), 0);
  for (const event of events) await second.publish(event);
  second.agent.goLive();
  assert.deepEqual([second.agent.store.size, second.datapath.specs.size], [0, 0]);
  await second.publish(radiusEvent("accounting-interim", { attributes: ALICE }));
  assert.equal(second.agent.store.size, 1, "a session that is heard again is one");
});
