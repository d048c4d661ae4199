/** The agent's work on a bus in memory: catching up, answers, records, faults, and what is never told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatapathError } from "../../../src/datapath/port.js";
import { Bench } from "../../support/agent-bench.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { temporaryDirectory } from "../../support/security.js";
import { strictTrust } from "../../support/strict.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };
const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" };
const FULL = new DatapathError("table-full", "the intercept table is full");

test("while it catches up, the kernel is not touched and nobody is answered; then both at once", async () => {
  const bench = new Bench();
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  await bench.publish(radiusEvent("access-accept", { attributes: BOB, li: li("on") }));
  await bench.publish(radiusEvent("accounting-stop", { attributes: BOB }));
  assert.deepEqual([bench.datapath.journal, bench.sender.sent, bench.records.writes], [[], [], 0]);
  bench.agent.goLive();
  assert.deepEqual(bench.datapath.only().matches, [{ kind: "ipv4", prefix: "100.64.0.7/32" }]);
  assert.deepEqual(
    bench.sender.results().map(({ result }) => result),
    ["applied", "applied"],
  );
  await bench.publish(radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("off") }));
  assert.equal(bench.sender.results().at(-1)?.result, "stopped");
});

test("an answer held back tells of what the kernel refused meanwhile", async () => {
  const bench = new Bench();
  await bench.publish(radiusEvent("access-accept", { id: "a", attributes: ALICE, li: li("on") }));
  bench.datapath.refuse = () => FULL;
  bench.agent.goLive();
  assert.deepEqual(bench.sender.results(), [
    { node: "edge1", event: "a", result: "rejected", errorCause: 506, detail: "the datapath refused the intercept" },
  ]);
  assert.equal(bench.agent.intercepts.counts.failed, 1);
  bench.datapath.refuse = () => undefined;
  bench.agent.retryFailed();
  assert.deepEqual(bench.agent.intercepts.counts, { active: 1, waiting: 0, failed: 0 });
  assert.equal(bench.datapath.specs.size, 1);
});

test("old events are caught up with silently", async () => {
  const bench = new Bench();
  const time = new Date(Date.now() - 3_600_000).toISOString();
  await bench.publish(radiusEvent("access-accept", { time, attributes: ALICE, li: li("on") }));
  bench.agent.goLive();
  assert.equal(bench.datapath.specs.size, 1);
  assert.deepEqual(bench.sender.results(), []);
});

test("a successor finds sessions and intercepts in the records, under the same keys", async () => {
  const first = new Bench();
  first.agent.goLive();
  await first.publish(
    radiusEvent("access-accept", { attributes: { "User-Name": "carol" }, li: li("on", { handle: "40000300" }) }),
  );
  await first.publish(radiusEvent("accounting-start", { attributes: BOB }));
  await first.publish(radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }));
  const second = new Bench({ records: first.records });
  assert.equal(await second.agent.load(), 2);
  second.agent.goLive();
  assert.deepEqual(second.datapath.specs, first.datapath.specs);
  assert.deepEqual(second.agent.intercepts.counts, { active: 1, waiting: 1, failed: 0 });
  await second.publish(
    radiusEvent("accounting-start", {
      attributes: { "User-Name": "carol", "Acct-Session-Id": "9", "Framed-IP-Address": "100.64.0.9" },
    }),
    10,
  );
  assert.deepEqual(second.agent.intercepts.counts, { active: 2, waiting: 0, failed: 0 });
  assert.deepEqual([...first.records.stored.keys()].toSorted(), ["bng1.1048578", "bng1.9"]);
});

test("events that a successor gets again are not applied again", async () => {
  const first = new Bench();
  first.agent.goLive();
  await first.publish(radiusEvent("accounting-start", { attributes: BOB }), 1);
  await first.publish(radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }), 2);
  const stop = radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("off") });
  await first.publish(stop, 3);
  const second = new Bench({ records: first.records });
  await second.agent.load();
  second.agent.goLive();
  await second.publish(stop, 3);
  assert.deepEqual(second.sender.results(), []);
  assert.equal(await second.metric('submirror_events_total{type="coa",result="duplicate"}'), 1);
});

test("sequences of a stream that is no more do not hide the events of the new one", async () => {
  const first = new Bench();
  first.agent.goLive();
  await first.publish(radiusEvent("accounting-start", { attributes: BOB }), 5000);
  first.agent.forgetSequences();
  await first.publish(radiusEvent("coa", { attributes: { "User-Name": "bob" }, li: li("on") }), 1);
  assert.equal(first.sender.results().at(-1)?.result, "applied");
});

test("what the records do not know is removed from the kernel, and what is right is not touched first", async () => {
  const datapath = new FakeDatapath();
  const first = new Bench({ datapath });
  first.agent.goLive();
  await first.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  await first.publish(radiusEvent("access-accept", { attributes: BOB, li: li("on") }));
  first.records.stored.delete("bng1.1048578");
  datapath.journal.length = 0;
  const second = new Bench({ datapath, records: first.records });
  await second.agent.load();
  second.agent.goLive();
  assert.equal(datapath.specs.size, 1);
  assert.equal(datapath.journal.filter((entry) => entry.startsWith("remove")).length, 1);
});

test("malformed events are answered where they have an id, counted, and stop nothing", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  await bench.publish("{");
  await bench.publish(JSON.stringify({ ...radiusEvent("coa", { id: "bad" }), specversion: "2" }));
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  assert.deepEqual(bench.sender.results()[0], {
    node: "edge1",
    event: "bad",
    result: "rejected",
    errorCause: 404,
    detail: 'specversion must be "1.0"',
  });
  assert.equal(await bench.metric('submirror_events_total{type="malformed",result="rejected"}'), 2);
  assert.equal(bench.datapath.specs.size, 1);
  assert.match(bench.log, /"field":"specversion".*"msg":"event rejected"/);
});

test("a fault of the datapath stops no event behind it", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  bench.datapath.refuse = () => {
    throw new TypeError("alice 100.64.0.7");
  };
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  bench.datapath.refuse = () => undefined;
  await bench.publish(radiusEvent("access-accept", { attributes: BOB, li: li("on") }));
  assert.equal(bench.datapath.specs.size, 1);
  assert.match(bench.log, /this is a fault of submirror/);
});

test("strict: a plain instruction is refused with 501, and the login goes on", async () => {
  using directory = temporaryDirectory();
  const bench = new Bench({ trust: strictTrust(directory.path, { plainEvents: true }) });
  bench.agent.goLive();
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  assert.equal(bench.sender.results()[0]?.errorCause, 501);
  assert.match(bench.sender.results()[0]?.detail ?? "", /not sealed and signed/);
  assert.equal(bench.datapath.specs.size, 0);
  assert.equal(bench.agent.store.size, 1);
});

test("records that cannot be stored hold back the acknowledgement, and are stored later", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  bench.records.failure = new Error("no space left on device");
  const published = bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  assert.equal(bench.sender.results()[0]?.result, "applied");
  const early = await Promise.race([
    published.then(() => "stored"),
    new Promise((resolve) => setTimeout(resolve, 100, "waiting")),
  ]);
  assert.equal(early, "waiting");
  bench.records.failure = undefined;
  await published;
  assert.deepEqual([...bench.records.stored.keys()], ["bng1.1048577"]);
});

test("a session that begins and ends between two writes leaves no trace in the records", async () => {
  const bench = new Bench();
  await bench.publish(radiusEvent("accounting-start", { attributes: ALICE }));
  await bench.publish(radiusEvent("accounting-start", { attributes: BOB }));
  await bench.publish(radiusEvent("accounting-stop", { attributes: ALICE }));
  bench.agent.goLive();
  await bench.agent.stop();
  assert.deepEqual([...bench.records.stored.keys()], ["bng1.1048578"]);
  assert.equal(bench.records.removals, 0);
});

test("the notifications of a mirrored login, in their order", async () => {
  const bench = new Bench();
  bench.agent.goLive();
  await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
  await bench.publish(radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("off") }));
  await bench.publish(radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("on") }));
  const octets = { "Acct-Input-Octets": "5", "Acct-Input-Gigawords": "1", "Acct-Terminate-Cause": "User-Request" };
  await bench.publish(radiusEvent("accounting-stop", { attributes: { ...ALICE, ...octets } }));
  assert.deepEqual(bench.sender.notifications(), [
    "LiSubscriberLoggedIn",
    "LiServiceDeactivated",
    "LiServiceActivated",
    "LiSubscriberLoggedOut",
  ]);
  const last = JSON.parse(bench.sender.sent.at(-1)?.payload ?? "{}") as Record<string, unknown>;
  assert.equal(last.inputOctets, "4294967301");
  assert.equal(last.terminationReason, "User-Request");
});

test("the log and the metrics name no subscriber, unless they are told to", async () => {
  const subjects = /alice|bob|100\.64\.0|1048577|1048578|0000030000000090|198\.51\.100\.9|i-[0-9a-f]{20}/;
  const play = async (bench: Bench): Promise<void> => {
    bench.agent.goLive();
    await bench.publish(radiusEvent("access-accept", { attributes: ALICE, li: li("on") }));
    await bench.publish(radiusEvent("accounting-start", { attributes: { ...BOB, "Framed-IP-Address": "bob" } }));
    await bench.publish(radiusEvent("coa", { attributes: BOB, li: li("on") }));
    await bench.publish(radiusEvent("coa", { attributes: ALICE, li: li("off", { handle: "alice" }) }));
    bench.datapath.refuse = () => FULL;
    await bench.publish(radiusEvent("access-accept", { attributes: BOB, li: li("on") }));
    await bench.publish(radiusEvent("accounting-stop", { attributes: ALICE }));
  };
  const quiet = new Bench();
  await play(quiet);
  assert.ok(quiet.log.split("\n").length > 5);
  assert.doesNotMatch(quiet.log, subjects);
  assert.doesNotMatch(await quiet.registry.metrics(), subjects);
  for (const { detail } of quiet.sender.results()) assert.doesNotMatch(detail ?? "", subjects);
  const telling = new Bench({ yaml: "log: { subjects: true }" });
  await play(telling);
  assert.match(telling.log, /"userName":"alice"/);
});
