/** Tasking by warrant with a real nats-server: at login, in session, side by side, to its end and not beyond. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { DatapathError } from "../../../src/datapath/port.js";
import type { RadiusAttributes } from "../../../src/events/types.js";
import { startTestAgent, type TestAgent } from "../../support/agent.js";
import { refusals } from "../../support/audit.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats, type TestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { DAY, HOUR, strangerKey } from "../../support/security.js";
import { makeStrictKeys, type StrictKeys, StrictPublisher } from "../../support/strict.js";
import { activation, Desk, deactivation, modification } from "../../support/tasking.js";

const ALICE = {
  "User-Name": "alice",
  "Acct-Session-Id": "100",
  "Framed-IP-Address": "100.64.0.7",
  "Delegated-IPv6-Prefix": "2001:db8:100::/56",
  "Calling-Station-Id": "02:00:00:00:00:01",
  "NAS-Port-Id": "ge-1/0/0.100",
  "ADSL-Agent-Circuit-Id": "olt1 eth 1/1:100",
  "ADSL-Agent-Remote-Id": "cpe-0001",
};
const BY_NAME = { by: "user-name", value: "alice" } as const;

interface Bench extends AsyncDisposable {
  readonly nats: TestNats;
  readonly keys: StrictKeys;
  readonly connection: NatsConnection;
  readonly datapath: FakeDatapath;
  readonly desk: Desk;
  tell(type: "accounting-start" | "accounting-stop", attributes: RadiusAttributes, nas?: string): Promise<void>;
  ask: StrictPublisher["ask"];
  /** A new agent, with a new kernel's tables unless one is given. */
  restart(datapath?: FakeDatapath): Promise<FakeDatapath>;
}

async function open(security: object = {}): Promise<Bench> {
  const nats = await startTestNats();
  const keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  const start = async (on: FakeDatapath): Promise<TestAgent> => {
    const agent = await startTestAgent({ url: nats.url, datapath: on, mode: "strict", yaml: keys.yaml(security) });
    await agent.ready;
    return agent;
  };
  let agent = await start(datapath);
  const connection = await nats.connect();
  const readers = [keys.agentSeal.publicKey];
  const publisher = await StrictPublisher.open(connection, keys.gateway, readers);
  return {
    nats,
    keys,
    connection,
    datapath,
    desk: new Desk(connection, readers),
    tell: async (type, attributes, nas = "bng1") => {
      await publisher.tell(radiusEvent(type, { nas, attributes }));
      // Events are carried out in their order: who answers this one has carried out that one.
      await publisher.ask(radiusEvent("coa", { nas, attributes: { "User-Name": "nobody" }, li: li("noop") }));
    },
    ask: (event, changes) => publisher.ask(event, changes),
    restart: async (next = new FakeDatapath()) => {
      await agent.stop();
      agent = await start(next);
      return next;
    },
    [Symbol.asyncDispose]: async () => {
      await agent.stop();
      await nats[Symbol.asyncDispose]();
      keys[Symbol.dispose]();
    },
  };
}

/** `prefixes > address:port interceptId/sessionId`, ids in hex. */
function mirrored(datapath: FakeDatapath): string[] {
  return [...datapath.specs.values()]
    .map(({ matches, mediation, header }) => {
      const prefixes = matches.map((match) => ("prefix" in match ? match.prefix : match.kind)).toSorted();
      return `${prefixes.join(" ")} > ${mediation.address}:${mediation.port} ${header.interceptId.toString(16)}/${header.sessionId.toString(16)}`;
    })
    .toSorted();
}

const BOTH = "100.64.0.7/32 2001:db8:100::/56";

test("a warrant mirrors the session that is up and each later login; the intercept id stays, the session id changes", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  const order = activation("t-1", BY_NAME, { notAfter: new Date(Date.now() + HOUR).toISOString() });
  const { result, detail } = await desk.ask(order, keys.authority);
  assert.deepEqual([result, detail], ["applied", "1 session now"]);
  assert.deepEqual(mirrored(datapath), [`${BOTH} > 198.51.100.9:30030 1234/64`]);
  const { notAfter = 0 } = datapath.only();
  assert.ok(Math.abs(notAfter - Date.now() - HOUR) < 60_000);
  await bench.tell("accounting-stop", { "Acct-Session-Id": "100" });
  assert.equal(datapath.specs.size, 0);
  await bench.tell("accounting-start", { ...ALICE, "Acct-Session-Id": "101" });
  assert.deepEqual(mirrored(datapath), [`${BOTH} > 198.51.100.9:30030 1234/65`]);
  await bench.tell("accounting-start", {
    ...ALICE,
    "User-Name": "bob",
    "Acct-Session-Id": "7",
    "Framed-IP-Address": "100.64.0.8",
    "Delegated-IPv6-Prefix": "2001:db8:200::/56",
  });
  assert.equal((await desk.ask(deactivation("t-1"), keys.authority)).result, "stopped");
  assert.equal(datapath.specs.size, 0);
});

test("every trigger finds its subscriber, and no other", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  const other = Object.fromEntries(Object.entries(ALICE).map(([name, value]) => [name, `${value}9`]));
  await bench.tell("accounting-start", {
    ...other,
    "Framed-IP-Address": "100.64.0.8",
    "Delegated-IPv6-Prefix": "2001:db8:200::/56",
  });
  const subjects = [
    [{ by: "user-name", value: "alice" }, BOTH],
    [{ by: "calling-station-id", value: "02:00:00:00:00:01" }, BOTH],
    [{ by: "nas-port-id", value: "ge-1/0/0.100", nas: "bng1" }, BOTH],
    [{ by: "circuit-id", value: "olt1 eth 1/1:100" }, BOTH],
    [{ by: "remote-id", value: "cpe-0001", nas: "bng1" }, BOTH],
    [{ by: "acct-session-id", value: "100", nas: "bng1" }, BOTH],
    [{ by: "address", value: "100.64.0.7/32" }, "100.64.0.7/32"],
    [{ by: "address", value: "100.64.0.0/29" }, "100.64.0.7/32"],
    // A part of what she was delegated: that part alone.
    [{ by: "address", value: "2001:db8:100:1::/64" }, "2001:db8:100:1::/64"],
  ] as const;
  for (const [at, [subject, expected]] of subjects.entries()) {
    const task = `t-${at}`;
    assert.equal((await desk.ask(activation(task, subject), keys.authority)).detail, "1 session now", subject.by);
    assert.deepEqual(mirrored(datapath), [`${expected} > 198.51.100.9:30030 1234/64`], subject.value);
    await desk.ask(deactivation(task), keys.authority);
    assert.deepEqual(mirrored(datapath), []);
  }
  const elsewhere = activation("t-x", { by: "user-name", value: "alice", nas: "bng2" });
  assert.equal((await desk.ask(elsewhere, keys.authority)).detail, "0 sessions now");
});

test("several warrants on one subscriber live side by side, beside one of RADIUS", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  await desk.ask(activation("t-1", BY_NAME), keys.authority);
  await desk.ask(activation("t-2", { by: "address", value: "100.64.0.7" }, { handle: "40001235" }), keys.authority);
  await desk.ask(activation("t-3", BY_NAME, { handle: "00009999000000aa" }), keys.second);
  assert.equal(
    (await bench.ask(radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("on") }))).result,
    "applied",
  );
  const ids = mirrored(datapath).map((text) => text.split(" ").at(-1) ?? "");
  assert.deepEqual(new Set(ids), new Set(["1234/64", "1235/64", "9999/aa", "300/90"]));
  assert.equal(datapath.specs.size, 4);
  await desk.ask(deactivation("t-1"), keys.authority);
  assert.equal(
    (await bench.ask(radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("off") }))).result,
    "stopped",
  );
  assert.equal(datapath.specs.size, 2);
});

test("a warrant is modified without a gap, by its owner alone, for its subject alone", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  await desk.ask(activation("t-1", BY_NAME), keys.authority);
  const before = datapath.journal.length;
  const elsewhere = { mediation: { address: "198.51.100.10", port: 4000 } };
  assert.equal((await desk.ask(modification("t-1", BY_NAME, elsewhere), keys.authority)).result, "applied");
  assert.deepEqual(mirrored(datapath), [`${BOTH} > 198.51.100.10:4000 1234/64`]);
  assert.deepEqual(
    datapath.journal.slice(before).map((step) => step.split(" ")[0]),
    ["put"],
  );
  for (const [order, signer] of [
    [modification("t-1", BY_NAME), keys.second],
    [deactivation("t-1"), keys.second],
    [modification("t-1", { by: "user-name", value: "bob" }), keys.authority],
    [activation("t-1", BY_NAME), keys.authority],
    [modification("t-2", BY_NAME), keys.authority],
    [deactivation("t-2"), keys.authority],
  ] as const) {
    const { result, errorCause } = await desk.ask(order, signer);
    assert.deepEqual([result, errorCause], ["rejected", 501]);
  }
  assert.deepEqual(mirrored(datapath), [`${BOTH} > 198.51.100.10:4000 1234/64`]);
});

test("orders that are forged, altered, replayed, out of range or signed by one where two are demanded change nothing", async () => {
  await using bench = await open({ twoPersonRule: true });
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  const refused = async (answer: Promise<{ result: string; detail?: string }>, why: RegExp): Promise<void> => {
    const { result, detail } = await answer;
    assert.equal(result, "rejected");
    assert.match(detail ?? "", why);
  };
  await refused(desk.ask(activation("t-1", BY_NAME), keys.authority), /two distinct authorities/);
  await refused(desk.ask(activation("t-1", BY_NAME), keys.authority, keys.authority), /two distinct authorities/);
  await refused(desk.ask(activation("t-1", BY_NAME), keys.authority, strangerKey), /does not name/);
  await refused(desk.ask(activation("t-1", BY_NAME), keys.gateway, keys.second), /may not sign/);
  const both = [keys.authority, keys.second] as const;
  await refused(desk.ask(activation("t-1", BY_NAME, { handle: "40000300" }), ...both), /intercept id/);
  await refused(
    desk.ask(activation("t-1", BY_NAME, { mediation: { address: "203.0.113.1", port: 9 } }), ...both),
    /mediation device/,
  );
  await refused(
    desk.ask(activation("t-1", BY_NAME, { notAfter: new Date(Date.now() + 91 * DAY).toISOString() }), ...both),
    /longer/,
  );
  await refused(
    desk.ask(activation("t-1", BY_NAME, {}, { notBefore: Date.now() + DAY, notAfter: Date.now() + 2 * DAY }), ...both),
    /not begun/,
  );
  await refused(
    desk.ask(activation("t-1", BY_NAME, {}, { notBefore: 0, notAfter: Date.now() - HOUR }), ...both),
    /longer|is over/,
  );
  assert.deepEqual(mirrored(datapath), []);
  const order = activation("t-1", BY_NAME);
  const sealed = desk.seal(order, both);
  assert.equal((await desk.ask(order, ...both)).result, "applied");
  assert.equal((await desk.ask(deactivation("t-1"), keys.second)).result, "stopped", "one may end what two began");
  await desk.publish("t-1", sealed);
  await desk.publish("t-2", sealed);
  await desk.publish("t-3", "not an order");
  await refused(desk.ask(activation("t-4", BY_NAME), keys.authority), /two distinct authorities/);
  assert.deepEqual(mirrored(datapath), []);
  const reasons = refusals(keys.directory);
  assert.equal(reasons.length, 13, String(reasons));
  for (const reason of [
    "second-signature-missing",
    "unknown-key",
    "wrong-kind",
    "intercept-id-not-allowed",
    "mediation-not-allowed",
    "not-yet-valid",
    "replayed",
  ] as const)
    assert.ok(reasons.includes(reason), `${reason}: ${String(reasons)}`);
});

test("warrants outlive the agent, the node, and the order's own acceptance time", async () => {
  await using bench = await open();
  const { desk, keys } = bench;
  await bench.tell("accounting-start", ALICE);
  await desk.ask(activation("t-1", BY_NAME), keys.authority);
  await desk.ask(activation("t-2", BY_NAME, { handle: "40001235" }), keys.authority);
  await desk.ask(deactivation("t-2"), keys.authority);
  const expected = [`${BOTH} > 198.51.100.9:30030 1234/64`];
  assert.deepEqual(mirrored(await bench.restart()), expected);
  // A node that has never run.
  rmSync(join(keys.directory, "state"), { recursive: true });
  assert.deepEqual(mirrored(await bench.restart()), expected);
});

test("a warrant whose end the stream has lost is withheld", async () => {
  await using bench = await open();
  const { desk, keys, connection } = bench;
  await bench.tell("accounting-start", ALICE);
  const order = activation("t-1", BY_NAME);
  await desk.ask(order, keys.authority);
  await desk.ask(deactivation("t-1"), keys.authority);
  // Who administers NATS makes the stream anew, without the end.
  const manager = await jetstreamManager(connection);
  const { config } = await manager.streams.info("TASKS");
  await manager.streams.delete("TASKS");
  await manager.streams.add(config);
  await desk.publish("t-1", desk.seal(order, [keys.authority]));
  assert.deepEqual(mirrored(await bench.restart()), []);
});

test("a warrant ends in time", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  const end = Date.now() + 3000;
  await desk.ask(activation("t-1", BY_NAME, { notAfter: new Date(end).toISOString() }), keys.authority);
  assert.equal(datapath.only().notAfter, end);
  await until("it has ended", () => datapath.specs.size === 0);
  assert.ok(Date.now() >= end);
});

test("what the datapath refuses of one warrant does not touch the others, and is tried again", async () => {
  await using bench = await open();
  const { desk, keys, datapath } = bench;
  await bench.tell("accounting-start", ALICE);
  await desk.ask(activation("t-1", BY_NAME), keys.authority);
  datapath.refuse = ({ header }) =>
    header.interceptId === 0x1235 ? new DatapathError("table-full", "eight copies are all there can be") : undefined;
  const { result, errorCause } = await desk.ask(activation("t-2", BY_NAME, { handle: "40001235" }), keys.authority);
  assert.deepEqual([result, errorCause], ["rejected", 506]);
  assert.equal(datapath.specs.size, 1);
  datapath.refuse = () => undefined;
  await until("it was tried again", () => datapath.specs.size === 2);
});
