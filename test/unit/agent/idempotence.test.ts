/** Events that come twice, late, out of order, or cannot be taken; and two agents that serve one NAS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "../../../src/sessions/decide.js";
import { SessionStore } from "../../../src/sessions/store.js";
import { Bench } from "../../support/agent-bench.js";
import { li, radiusEvent } from "../../support/events.js";
import { MemoryRecords } from "../../support/memory.js";
import { temporaryDirectory } from "../../support/security.js";
import { strictTrust } from "../../support/strict.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };
const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" };

test("what cannot be taken is set aside with the reason, and the event as it came", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  await bench.publish("{");
  await bench.publish(JSON.stringify({ ...radiusEvent("coa", { id: "bad" }), specversion: "2" }));
  bench.datapath.refuse = () => {
    throw new TypeError("alice 100.64.0.7");
  };
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  const letters = bench.sender.sent.filter(({ subject }) => subject.startsWith("submirror.dead."));
  assert.deepEqual(
    letters.map(({ subject }) => subject),
    ["submirror.dead.edge1.malformed", "submirror.dead.edge1.malformed", "submirror.dead.edge1.fault"],
  );
  const [first, second, third] = letters.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
  assert.equal(Buffer.from(String(first?.event), "base64").toString(), "{");
  assert.deepEqual([second?.field, second?.seq, second?.subject], ["specversion", 2, "radius.bng1.coa"]);
  assert.doesNotMatch(String(third?.detail), /alice/);
  assert.equal(await bench.metric('submirror_dead_letters_total{reason="malformed"}'), 2);
  assert.equal(await bench.metric('submirror_dead_letters_total{reason="fault"}'), 1);
  bench.datapath.refuse = () => undefined;
  await bench.publish(radiusEvent("access-accept", { attributes: BOB, li: li("on") }));
  assert.equal(bench.datapath.specs.size, 1);
});

test("strict: an event that may not be read is a dead letter, too", async () => {
  using directory = temporaryDirectory();
  const bench = new Bench({ trust: strictTrust(directory.path) });
  bench.agent.goLive();
  await bench.publish(radiusEvent("accounting-start", { attributes: ALICE }));
  assert.equal(bench.agent.store.size, 0);
  assert.equal(await bench.metric('submirror_dead_letters_total{reason="unauthorized"}'), 1);
});

test("a CoA that nobody waits for any more starts nothing, stops all the same, and a login is a login", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  await bench.publish(radiusEvent("accounting-start", { attributes: BOB }));
  const start = (seconds: number) =>
    radiusEvent("coa", { time: ago(seconds), attributes: { "User-Name": "bob" }, li: li("on") });
  await bench.publish(start(310));
  assert.equal(bench.datapath.specs.size, 0);
  const { result, errorCause, detail } = bench.sender.results().at(-1) ?? {};
  assert.deepEqual([result, errorCause], ["rejected", 404]);
  assert.match(detail ?? "", /^time is more than 300 s ago/);
  assert.equal(await bench.metric('submirror_events_total{type="coa",result="rejected"}'), 1);
  await bench.publish(start(290));
  assert.equal(bench.sender.results().at(-1)?.result, "applied");
  await bench.publish(radiusEvent("coa", { time: ago(3600), attributes: { "User-Name": "bob" }, li: li("off") }));
  assert.equal(bench.sender.results().at(-1)?.result, "stopped");
  await bench.publish(radiusEvent("access-accept", { time: ago(3600), attributes: ALICE, li: li("on") }));
  assert.equal(bench.sender.results().at(-1)?.result, "applied");
});

test("an order that this node has taken before is not late when it is read again", () => {
  const store = new SessionStore();
  const time = Date.now() - 3_600_000;
  const event = { id: "e", nas: "bng1", time, attributes: { "Acct-Session-Id": "1" } };
  const started = { ...event, type: "accounting-start" as const, seq: 1, li: { kind: "none" } as const };
  const context = { now: Date.now(), defaults: { header: "junos" as const }, maxCoaAgeMs: 300_000 };
  for (const transition of decide(store, started, context).transitions) store.commit(transition, 0);
  const answer = (isRepeated: boolean) =>
    decide(store, { ...event, type: "coa", seq: 2, li: { kind: "plain", order: li("on"), isRepeated } }, context)
      .outcome?.result;
  assert.equal(answer(false), "rejected");
  assert.equal(answer(true), "applied");
});

test("an agent that lags neither overwrites nor brings back what another has written", async () => {
  const ahead = new Bench();
  const behind = new Bench({ records: new MemoryRecords(ahead.records) });
  for (const { agent } of [ahead, behind]) agent.goLive();
  const events = [
    radiusEvent("accounting-start", { attributes: BOB }),
    radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }),
    radiusEvent("accounting-start", { attributes: ALICE }),
    radiusEvent("accounting-stop", { attributes: ALICE }),
  ];
  for (const [index, event] of events.entries()) await ahead.publish(event, index + 1);
  const complete = new Map(ahead.records.stored);
  assert.deepEqual([...complete.keys()], ["bng1.1048578"]);
  for (const [index, event] of events.entries()) {
    await behind.publish(event, index + 1);
    assert.deepEqual(ahead.records.stored, complete, `after event ${index + 1}`);
  }
  assert.equal(behind.datapath.specs.size, 1);
  assert.equal(await behind.metric('submirror_record_conflicts_total{stands="theirs"}'), 4);
  await behind.publish(radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("off") }), 5);
  assert.notDeepEqual(ahead.records.stored, complete);
  await ahead.publish(radiusEvent("accounting-stop", { attributes: BOB }), 6);
  assert.equal(ahead.records.stored.size, 0);
});

test("twice, late and in another order, events mean what they mean once and in order", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  const start = radiusEvent("accounting-start", { attributes: BOB });
  const on = radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") });
  const off = radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("off") });
  await bench.publish(start, 1);
  await bench.publish(on, 2);
  const [key] = bench.datapath.specs.keys();
  await bench.publish(off, 3);
  await bench.publish(on, 4);
  bench.datapath.journal.length = 0;
  // Again, from the first on, and backwards.
  for (const [event, seq] of [
    [start, 1],
    [on, 2],
    [off, 3],
    [on, 4],
    [off, 3],
    [start, 1],
  ] as const)
    await bench.publish(event, seq);
  assert.deepEqual(bench.datapath.journal, []);
  assert.equal(bench.datapath.specs.size, 1);
  assert.ok(key !== undefined);
  assert.equal(await bench.metric('submirror_events_total{type="coa",result="duplicate"}'), 4);
});

test("an interim update that comes behind its Stop takes no address from the next session", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  const next = { ...ALICE, "Acct-Session-Id": "1048600" };
  await bench.publish(radiusEvent("accounting-start", { attributes: ALICE }));
  await bench.publish(radiusEvent("accounting-stop", { attributes: ALICE }));
  await bench.publish(radiusEvent("access-accept", { attributes: next, li: li("on") }));
  await bench.publish(radiusEvent("accounting-interim", { attributes: ALICE }));
  await bench.publish(radiusEvent("accounting-stop", { attributes: ALICE }));
  assert.deepEqual(bench.datapath.only().matches, [{ kind: "ipv4", prefix: "100.64.0.7/32" }]);
  assert.equal(bench.agent.store.size, 1);
  // The NAS counts from the beginning again.
  await bench.publish(radiusEvent("accounting-start", { attributes: { ...BOB, "Acct-Session-Id": "1048577" } }));
  await bench.publish(radiusEvent("accounting-interim", { attributes: { ...BOB, "Acct-Session-Id": "1048577" } }));
  assert.equal(bench.agent.store.size, 2);
});
