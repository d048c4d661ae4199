/** When the datapath refuses: the event is answered so, and everything else is as before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatapathError } from "../../../src/datapath/port.js";
import { li } from "../../support/events.js";
import { Scenario } from "../../support/scenario.js";

const BOB = { "User-Name": "bob", "Acct-Session-Id": "1", "Framed-IP-Address": "100.64.0.8" };
const BOB_TOO = { "User-Name": "bob", "Acct-Session-Id": "2", "Framed-IP-Address": "100.64.0.9" };
const MIRRORED = "100.64.0.8/32 > 198.51.100.9:30030 300/90";
const FULL = new DatapathError("table-full", "the intercept table is full", "intercepts");

function withBob(): Scenario {
  const scenario = new Scenario();
  scenario.play({ event: "accounting-start", attributes: BOB });
  return scenario;
}

test("a full table refuses a CoA with 506 and leaves the session as it was", () => {
  const scenario = withBob();
  scenario.datapath.refuse = () => FULL;
  const before = scenario.sessions();
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  assert.equal(outcome?.result, "rejected");
  assert.equal(outcome?.errorCause, 506);
  assert.equal(outcome?.detail, "the intercept table is full");
  assert.deepEqual(scenario.sessions(), before);
});

test("a CoA for several sessions is carried out for all of them or for none", () => {
  const scenario = withBob();
  scenario.play({ event: "accounting-start", attributes: BOB_TOO });
  scenario.datapath.capacity = 1;
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  assert.equal(outcome?.result, "rejected");
  assert.deepEqual(scenario.mirrored(), []);
  assert.ok(scenario.sessions().every((session) => session.intercepts.length === 0));
});

test("a replacement that the datapath refuses leaves the running intercept", () => {
  const scenario = withBob();
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  scenario.datapath.refuse = (spec) => (spec.mediation.port === 30031 ? FULL : undefined);
  const other = li("on", { mediation: { address: "198.51.100.9", port: 30031 } });
  assert.equal(
    scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: other }).outcome?.result,
    "rejected",
  );
  assert.deepEqual(scenario.mirrored(), [MIRRORED]);
  assert.equal(
    scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("off") }).outcome?.result,
    "stopped",
  );
});

test("what the specification cannot be is answered with 404 and the field", () => {
  const scenario = withBob();
  scenario.datapath.refuse = () =>
    new DatapathError("invalid", "an IPv6 mediation address needs sourceIpv6", "mediation.address");
  const { outcome } = scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  assert.equal(outcome?.errorCause, 404);
});

test("a refused login is a login", () => {
  const scenario = new Scenario();
  scenario.datapath.refuse = () => FULL;
  const { outcome, notifications } = scenario.play({ event: "access-accept", attributes: BOB, li: li("on") });
  assert.equal(outcome?.errorCause, 506);
  assert.deepEqual(
    notifications.map(({ kind }) => kind),
    ["LiSubscriberLogInFailed"],
  );
  assert.equal(scenario.sessions().length, 1);
  assert.deepEqual(scenario.sessions()[0]?.intercepts, []);
});

test("a replacement changes the intercept in place, without a gap", () => {
  const scenario = withBob();
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  const { key } = scenario.datapath.only();
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on", { handle: "0000040000000091" }) });
  assert.deepEqual(scenario.datapath.journal, [`put ${key}`, `put ${key}`]);
});

test("an intercept that was promised at login and refused later is kept as failed and tried again", () => {
  const scenario = new Scenario();
  const { "Framed-IP-Address": _, ...noAddress } = BOB;
  assert.equal(
    scenario.play({ event: "access-accept", attributes: noAddress, li: li("on") }).outcome?.result,
    "applied",
  );
  scenario.datapath.refuse = () => FULL;
  scenario.play({ event: "accounting-start", attributes: BOB });
  assert.deepEqual(scenario.mirrored(), []);
  assert.ok(scenario.sessions()[0]?.intercepts[0]?.failed);
  scenario.datapath.refuse = () => undefined;
  scenario.play({ event: "accounting-interim", attributes: BOB });
  assert.deepEqual(scenario.mirrored(), [MIRRORED]);
  assert.equal(scenario.sessions()[0]?.intercepts[0]?.failed, false);
});

test("an address is taken from a mirrored session even where the new one's own intercept is refused", () => {
  const scenario = withBob();
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  scenario.play({ event: "access-accept", attributes: { "User-Name": "carol" }, li: li("on") });
  scenario.datapath.refuse = () => FULL;
  const carol = { "User-Name": "carol", "Acct-Session-Id": "3", "Framed-IP-Address": "100.64.0.8" };
  scenario.play({ event: "accounting-start", attributes: carol });
  assert.deepEqual(scenario.mirrored(), []);
});

test("the key of an intercept names nothing of the subscriber", () => {
  const scenario = withBob();
  scenario.play({ event: "coa", attributes: { "User-Name": "bob" }, li: li("on") });
  assert.match(scenario.datapath.only().key, /^i-[0-9a-f]{20}$/);
});
