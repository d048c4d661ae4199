/** What an instruction says beside the four attributes reaches the datapath, at once, later, and after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiInstruction } from "../../../src/events/types.js";
import type { InterceptSpec } from "../../../src/intercepts/types.js";
import { decodeRecord, encodeRecord } from "../../../src/sessions/record.js";
import { li } from "../../support/events.js";
import { Scenario } from "../../support/scenario.js";

const BOB = { "User-Name": "bob", "Acct-Session-Id": "1048578", "Framed-IP-Address": "100.64.0.8" };
const BEGINS = Date.UTC(2026, 10, 22, 7);
const ENDS = Date.UTC(2126, 10, 22, 7);

const TERMS: Partial<LiInstruction> = {
  mediation: { address: "198.51.100.9", port: 30030, portTo: 30031 },
  direction: "to",
  notBefore: new Date(BEGINS).toISOString(),
  notAfter: new Date(ENDS).toISOString(),
  dscp: 10,
  dropPolicy: [{ protocol: 17 }],
  rate: { bytesPerSecond: 1000, burstBytes: 2000 },
  snapLength: 96,
  multicast: true,
  match: [{ kind: "vlan", svlan: 100, cvlan: 7 }],
  zone: "red",
};

const SPEC: Omit<InterceptSpec, "key"> = {
  matches: [
    { kind: "ipv4", prefix: "100.64.0.8/32" },
    { kind: "vlan", svlan: 100, cvlan: 7 },
  ],
  direction: "to",
  header: { format: "junos", interceptId: 0x300, sessionId: 0x90 },
  mediation: { address: "198.51.100.9", port: 30030, portTo: 30031 },
  dscp: 10,
  notBefore: BEGINS,
  notAfter: ENDS,
  zone: "red",
  dropPolicy: [{ protocol: 17 }],
  rate: { bytesPerSecond: 1000, burstBytes: 2000 },
  snapLength: 96,
  multicast: true,
};

function specWithoutKey(scenario: Scenario): Omit<InterceptSpec, "key"> {
  const { key: _key, ...spec } = scenario.datapath.only();
  return spec;
}

test("all terms reach the datapath", () => {
  const scenario = new Scenario();
  scenario.play({ event: "accounting-start", attributes: BOB });
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", TERMS) });
  assert.equal(outcome?.result, "applied", outcome?.detail);
  assert.deepEqual(specWithoutKey(scenario), SPEC);
});

test("a record keeps them", () => {
  const scenario = new Scenario();
  scenario.play({ event: "accounting-start", attributes: BOB });
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", TERMS) });
  const [session] = scenario.sessions();
  assert.ok(session);
  assert.deepEqual(decodeRecord(encodeRecord(session)), session);
});

test("a match by link needs no address", () => {
  const scenario = new Scenario();
  const { "Framed-IP-Address": _address, ...unnumbered } = BOB;
  scenario.play({ event: "accounting-start", attributes: unnumbered });
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", TERMS) });
  assert.deepEqual(outcome, { result: "applied" });
  assert.deepEqual(scenario.datapath.only().matches, TERMS.match);
});

test("a start that is over already is refused, and what ran goes on", () => {
  const scenario = new Scenario();
  scenario.play({ event: "accounting-start", attributes: BOB });
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", TERMS) });
  const over = li("on", { ...TERMS, notBefore: "2020-01-01T00:00:00Z", notAfter: "2020-01-02T00:00:00Z" });
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: over });
  assert.equal(outcome?.result, "rejected");
  assert.equal(outcome?.errorCause, 404);
  assert.match(outcome?.detail ?? "", /^li\.notAfter /);
  assert.deepEqual(specWithoutKey(scenario), SPEC);
});

test("a stop repeats the port of the other direction too", () => {
  const scenario = new Scenario();
  scenario.play({ event: "accounting-start", attributes: BOB });
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", TERMS) });
  const stop = (mediation: LiInstruction["mediation"]) =>
    scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("off", { mediation }) }).outcome?.result;
  assert.equal(stop({ address: "198.51.100.9", port: 30030 }), "rejected");
  assert.equal(stop({ address: "198.51.100.9", port: 30030, portTo: 30031 }), "stopped");
});
