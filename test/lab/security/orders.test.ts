/** Strict mode with a real nats-server: what is carried out, what is refused, and that a refusal changes nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { EventResult, RadiusEvent } from "../../../src/events/types.js";
import { verifyAudit } from "../../../src/security/audit/verify.js";
import { startTestAgent } from "../../support/agent.js";
import { auditEntries, refusals } from "../../support/audit.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { HOUR, strangerKey } from "../../support/security.js";
import { makeStrictKeys, StrictPublisher } from "../../support/strict.js";

const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.8" };
const COA = { "User-Name": "bob" };
const coa = (changes: Parameters<typeof li>[1] = {}): RadiusEvent =>
  radiusEvent("coa", { attributes: COA, li: li("on", changes) });

function outcome({ result, errorCause }: EventResult): unknown[] {
  return [result, errorCause];
}

test("a sealed and signed instruction is carried out, ends in time, and is on record before the kernel is told", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const onRecord: string[] = [];
  const datapath = new FakeDatapath();
  datapath.refuse = () => {
    onRecord.push(...auditEntries(keys.directory).map(({ kind, result }) => `${kind} ${String(result)}`));
    return undefined;
  };
  await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: BOB }));
  const event = coa();
  assert.deepEqual(outcome(await publisher.ask(event)), ["applied", undefined]);
  assert.ok(onRecord.includes("order accepted"), String(onRecord));
  const spec = datapath.only();
  assert.deepEqual(spec.matches, [{ kind: "ipv4", prefix: "100.64.0.8/32" }]);
  assert.equal(spec.notAfter, Date.parse(event.time) + 90 * 24 * HOUR);
  await until("the result is on record", () => auditEntries(keys.directory).some(({ kind }) => kind === "result"));
  assert.equal((await verifyAudit({ directory: join(keys.directory, "audit") })).misfit, undefined);
});

test("forged, altered, replayed, expired, future, wrong-key and wrong-range instructions are refused and on record, and change nothing", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const connection = await nats.connect();
  const publisher = await StrictPublisher.open(connection, keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: BOB }));
  const refused = ["rejected", 501];

  // Who has the bus, and no key.
  assert.deepEqual(outcome(await publisher.askAs(coa())), refused);
  const stranger = await StrictPublisher.open(connection, strangerKey, [keys.agentSeal.publicKey]);
  assert.deepEqual(outcome(await stranger.ask(coa())), refused);
  // Who has stolen the seal, and not the signature.
  assert.deepEqual(outcome(await publisher.ask(coa(), { signer: strangerKey })), refused);
  assert.deepEqual(outcome(await publisher.ask(coa(), { signer: keys.authority })), refused);
  assert.deepEqual(outcome(await publisher.ask(coa(), { signer: keys.agent })), refused);
  // Out of time.
  assert.deepEqual(outcome(await publisher.ask(coa(), { now: Date.now() - 25 * HOUR })), refused);
  assert.deepEqual(outcome(await publisher.ask(coa(), { now: Date.now() + HOUR })), refused);
  assert.deepEqual(outcome(await publisher.ask(coa(), { orderValidityMs: 48 * HOUR })), refused);
  // Out of range.
  assert.deepEqual(outcome(await publisher.ask(coa({ handle: "0000100000000090" }))), refused);
  assert.deepEqual(outcome(await publisher.ask(coa({ mediation: { address: "203.0.113.7", port: 1 } }))), refused);
  const elsewhere = radiusEvent("coa", { nas: "bng9", attributes: COA, li: li("on") });
  assert.deepEqual(outcome(await publisher.ask(elsewhere)), refused);
  // Altered.
  const sealed = publisher.seal(coa());
  assert.ok("sealed" in sealed.data);
  const data = { ...sealed.data, sealed: `${sealed.data.sealed.slice(0, -8)}AAAAAAAA` };
  assert.deepEqual(outcome(await publisher.askAs({ ...sealed, data })), ["rejected", 404]);

  assert.deepEqual(datapath.journal, ["activate"]);
  const reasons = refusals(keys.directory);
  for (const reason of ["unknown-key", "wrong-kind", "expired", "not-yet-valid", "window-too-long"]) {
    assert.ok(reasons.includes(reason), reason);
  }
  for (const reason of ["intercept-id-not-allowed", "mediation-not-allowed", "not-readable"])
    assert.ok(reasons.includes(reason), reason);
  assert.equal(reasons.length, 12);
});

test("a replayed instruction is refused, also after a restart, and after the subscriber's new login", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  const agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: BOB }));
  const recorded = publisher.seal(coa());
  assert.equal((await publisher.askAs(recorded)).result, "applied");
  assert.equal((await publisher.ask(radiusEvent("coa", { attributes: COA, li: li("off") }))).result, "stopped");
  assert.equal(datapath.specs.size, 0);
  await publisher.replay(recorded);
  await until("the replay is on record", () => refusals(keys.directory).includes("replayed"));
  await agent.stop();

  const again = new FakeDatapath();
  await using second = await startTestAgent({ url: nats.url, datapath: again, mode: "strict", yaml: keys.yaml() });
  await second.ready;
  await publisher.tell(radiusEvent("accounting-start", { attributes: { ...BOB, "Acct-Session-Id": "1048578" } }));
  await publisher.replay(recorded);
  await until(
    "the replay is on record again",
    () => refusals(keys.directory).filter((reason) => reason === "replayed").length >= 2,
  );
  assert.deepEqual(again.journal, ["activate"]);
});

test("sessions and intercepts outlive the agent, sealed, under names that tell nothing", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const first = new FakeDatapath();
  const agent = await startTestAgent({ url: nats.url, datapath: first, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: BOB }));
  assert.equal((await publisher.ask(coa())).result, "applied");
  await agent.stop();
  const second = new FakeDatapath();
  await using again = await startTestAgent({ url: nats.url, datapath: second, mode: "strict", yaml: keys.yaml() });
  await again.ready;
  assert.deepEqual([...second.specs.values()], [...first.specs.values()]);
});
