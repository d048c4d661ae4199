/** What must hold after any sequence of events, also where the datapath refuses some of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RADIUS_EVENT_TYPES, type RadiusAttributes } from "../../../src/events/types.js";
import { specsInForce } from "../../../src/sessions/effects.js";
import { indexKeys } from "../../../src/sessions/index-keys.js";
import { decodeRecord, encodeRecord, recordKey } from "../../../src/sessions/record.js";
import { prefixesOf } from "../../../src/sessions/session.js";
import { li } from "../../support/events.js";
import { Scenario, type Step } from "../../support/scenario.js";

const maybe = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined });

const attributes = fc
  .record({
    "User-Name": maybe("alice", "bob"),
    "Acct-Session-Id": maybe("1", "2", "jnpr ge-1/0/0:3", "not hex"),
    "Calling-Station-Id": maybe("02:00:00:00:00:01", "02:00:00:00:00:02"),
    "NAS-Port-Id": maybe("ge-1/0/0.100", "ge-1/0/0.200"),
    Class: maybe("gold"),
    "Framed-IP-Address": maybe("100.64.0.7", "100.64.0.8", "255.255.255.254"),
    "Framed-IPv6-Prefix": maybe("2001:db8:1::/64", "2001:DB8:1:0::/64", "2001:db8:2::1/64"),
    "Delegated-IPv6-Prefix": maybe("2001:db8:100::/56"),
  })
  .map(
    (fields) =>
      Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as RadiusAttributes,
  );

const instruction = fc.record({
  action: fc.constantFrom("on" as const, "on" as const, "off" as const, "noop" as const),
  handle: fc.constantFrom("0000030000000090", "40000300", "0000040000000091"),
  port: fc.constantFrom(30030, 30031, 0),
});

const step: fc.Arbitrary<Step> = fc
  .record({
    event: fc.constantFrom(...RADIUS_EVENT_TYPES),
    nas: fc.constantFrom("bng1", "bng2"),
    attributes,
    order: fc.option(instruction, { nil: undefined, freq: 2 }),
  })
  .map(({ order, ...fields }) => {
    if (order === undefined || !["access-accept", "coa"].includes(fields.event)) return fields;
    const { action, handle, port } = order;
    return { ...fields, li: li(action, { handle, mediation: { address: "198.51.100.9", port } }) };
  });

test("after any sequence of events, sessions, index and datapath agree", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.integer({ min: 0, max: 4 }), (steps, capacity) => {
      const scenario = new Scenario();
      scenario.datapath.capacity = capacity;
      for (const [index, played] of steps.entries()) {
        scenario.play(played, index + 1);
        checkInvariants(scenario);
      }
    }),
    { numRuns: 400 },
  );
});

/** A Stop that ends its own session, on a line where another login waits: once more, and it would end that one. */
const STOP_OF_ANOTHER: Step[] = [
  { event: "access-accept", nas: "bng1", attributes: { "Calling-Station-Id": "02:00:00:00:00:02" } },
  { event: "access-accept", nas: "bng1", attributes: { "Acct-Session-Id": "2" } },
  {
    event: "accounting-stop",
    nas: "bng1",
    attributes: { "Acct-Session-Id": "2", "Calling-Station-Id": "02:00:00:00:00:02" },
  },
];

const DISCONNECT_OF_ANOTHER: Step[] = [
  { event: "access-accept", nas: "bng1", attributes: { "Acct-Session-Id": "1" } },
  { event: "access-accept", nas: "bng1", attributes: { "User-Name": "alice" } },
  { event: "disconnect", nas: "bng1", attributes: { "User-Name": "alice", "Acct-Session-Id": "1" } },
];

test("an event that comes again changes nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const scenario = new Scenario();
      for (const [index, played] of steps.entries()) {
        scenario.play(played, index + 1);
        // Sessions are compared: one that the event has ended may be ended again.
        const before = snapshot(scenario);
        if (before.length === 0 || played.event === "accounting-start" || played.event === "accounting-interim")
          continue;
        if (played.event === "access-accept" && played.attributes["Acct-Session-Id"] === undefined) continue;
        scenario.play(played, index + 1);
        assert.deepEqual(snapshot(scenario), before);
      }
    }),
    { numRuns: 300, examples: [[STOP_OF_ANOTHER], [DISCONNECT_OF_ANOTHER]] },
  );
});

test("a record that was stored is read back as it was", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const scenario = new Scenario();
      for (const [index, played] of steps.entries()) scenario.play(played, index + 1);
      const keys = new Set<string>();
      for (const session of scenario.sessions()) {
        assert.deepEqual(decodeRecord(encodeRecord(session)), session);
        assert.match(recordKey(session), /^[-/=\w]+\.[-/=\w]+$/);
        keys.add(recordKey(session));
      }
      assert.equal(keys.size, scenario.sessions().length);
    }),
    { numRuns: 200 },
  );
});

function snapshot(scenario: Scenario): string[] {
  return [...scenario.sessions().map((session) => JSON.stringify(session)), ...scenario.mirrored()].toSorted();
}

function checkInvariants({ store, datapath }: Scenario): void {
  const due = new Map<string, unknown>();
  const owners = new Set<string>();
  const ids = new Set<string>();
  let sessions = 0;
  for (const session of store.all()) {
    sessions += 1;
    for (const spec of specsInForce(session, { header: "junos" })) due.set(spec.key, spec);
    for (const prefix of prefixesOf(session)) {
      const owner = `${session.nas} ${prefix}`;
      assert.ok(!owners.has(owner), `two sessions of ${session.nas} hold ${prefix}`);
      owners.add(owner);
    }
    for (const key of indexKeys(session))
      assert.ok([...store.under(session.nas, key)].includes(session), `index lost ${key}`);
    if (session.acctSessionId === undefined) continue;
    const id = `${session.nas} ${session.acctSessionId}`;
    assert.ok(!ids.has(id), `two sessions are called ${id}`);
    ids.add(id);
    assert.equal(store.find(session.nas, session.acctSessionId), session);
  }
  assert.equal(store.size, sessions);
  assert.deepEqual(Object.fromEntries(datapath.specs), Object.fromEntries(due));
}
