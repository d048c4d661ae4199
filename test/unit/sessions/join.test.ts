/** Which login an accounting record continues. The login carries an instruction, so that joining shows in the datapath. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RadiusAttributes } from "../../../src/events/types.js";
import { li } from "../../support/events.js";
import { Scenario } from "../../support/scenario.js";

interface Case {
  readonly title: string;
  readonly accept: RadiusAttributes;
  readonly start: RadiusAttributes;
  readonly joined: boolean;
}

const MAC = { "Calling-Station-Id": "02:00:00:00:00:01" };
const PORT = { "NAS-Port-Id": "ge-1/0/0.100" };

const CASES: readonly Case[] = [
  { title: "the same name", accept: { "User-Name": "alice" }, start: { "User-Name": "alice" }, joined: true },
  { title: "another name", accept: { "User-Name": "alice" }, start: { "User-Name": "bob" }, joined: false },
  {
    title: "the same name on another line",
    accept: { "User-Name": "alice", ...PORT },
    start: { "User-Name": "alice", "NAS-Port-Id": "ge-1/0/0.200" },
    joined: false,
  },
  {
    title: "the same name with another Class",
    accept: { "User-Name": "alice", Class: "0x01" },
    start: { "User-Name": "alice", Class: "0x02" },
    joined: false,
  },
  {
    title: "the same name, the line known to one side only",
    accept: { "User-Name": "alice", ...PORT },
    start: { "User-Name": "alice" },
    joined: true,
  },
  {
    title: "another name (its realm stripped) but the same address",
    accept: { "User-Name": "alice@isp.example", "Framed-IP-Address": "100.64.0.7" },
    start: { "User-Name": "alice", "Framed-IP-Address": "100.64.0.7" },
    joined: true,
  },
  {
    title: "no name, the same line",
    accept: { ...MAC, ...PORT },
    start: { "User-Name": "alice", ...MAC, ...PORT },
    joined: true,
  },
  { title: "no name, another line", accept: MAC, start: { "Calling-Station-Id": "02:00:00:00:00:02" }, joined: false },
  {
    title: "the same line, another name",
    accept: { "User-Name": "alice", ...MAC },
    start: { "User-Name": "bob", ...MAC },
    joined: false,
  },
  { title: "nothing in common", accept: MAC, start: PORT, joined: false },
];

for (const { title, accept, start, joined } of CASES) {
  test(`${title}: ${joined ? "the same session" : "another session"}`, () => {
    const scenario = new Scenario();
    scenario.play({ event: "access-accept", attributes: accept, li: li("on") });
    scenario.play({ event: "accounting-start", attributes: { ...start, "Acct-Session-Id": "1" } });
    const session = scenario.store.find("bng1", "1");
    assert.equal(session?.intercepts.length, joined ? 1 : 0);
    assert.equal(scenario.sessions().length, joined ? 1 : 2);
  });
}

test("among logins of one name, that with most in common; among equals, the latest", () => {
  const scenario = new Scenario();
  const alice = { "User-Name": "alice" };
  const handles = ["0000000100000001", "0000000200000002", "0000000300000003"] as const;
  scenario.play({ event: "access-accept", attributes: { ...alice, ...PORT }, li: li("on", { handle: handles[0] }) });
  scenario.play({ event: "access-accept", attributes: alice, li: li("on", { handle: handles[1] }) });
  scenario.play({ event: "access-accept", attributes: alice, li: li("on", { handle: handles[2] }) });
  const idOf = (session: string) => scenario.store.find("bng1", session)?.intercepts[0]?.interceptId;
  scenario.play({ event: "accounting-start", attributes: { ...alice, ...PORT, "Acct-Session-Id": "1" } });
  assert.equal(idOf("1"), 1);
  scenario.play({ event: "accounting-start", attributes: { ...alice, "Acct-Session-Id": "2" } });
  assert.equal(idOf("2"), 3);
  scenario.play({ event: "accounting-start", attributes: { ...alice, "Acct-Session-Id": "3" } });
  assert.equal(idOf("3"), 2);
});

test("sessions of two NASes are never joined", () => {
  const scenario = new Scenario();
  scenario.play({ event: "access-accept", attributes: { "User-Name": "alice" }, li: li("on") });
  scenario.play({
    event: "accounting-start",
    nas: "bng2",
    attributes: { "User-Name": "alice", "Acct-Session-Id": "1" },
  });
  assert.equal(scenario.store.find("bng2", "1")?.intercepts.length, 0);
});
