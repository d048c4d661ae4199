/** Two agents that serve one NAS, over one bucket: whoever has seen more of the stream is right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settleRecords } from "../../../src/agent/record-conflicts.js";
import type { RecordVersion } from "../../../src/bus/ports.js";
import { encodeRecord } from "../../../src/sessions/record.js";
import { PLAIN_RECORDS } from "../../../src/sessions/record-codec.js";
import { makeSession, type Session, type SessionIntercept } from "../../../src/sessions/session.js";
import { li } from "../../support/events.js";

const settle = settleRecords(PLAIN_RECORDS);
const KEY = "bng1.1";

const intercept = (key: string): SessionIntercept => ({
  key,
  origin: "radius",
  order: li("on"),
  interceptId: 0x300,
  sessionId: 0x90,
  source: "radiusCoa",
  mandate: undefined,
  failed: false,
});

function session(seq: number, ...intercepts: string[]): Session {
  const attributes = { "User-Name": "alice" };
  const identity = { nas: "bng1", acctSessionId: "1", createdBy: "", attributes, lost: "" };
  return makeSession({ ...identity, seq, intercepts: intercepts.map(intercept) });
}

/** As the bucket gives it: of a record, only the bytes are known. */
const stored = (of: Session): RecordVersion => ({ seq: 0, data: encodeRecord(of) });
const own = (of: Session): RecordVersion => ({ seq: of.seq, data: encodeRecord(of) });
const removed = (seq: number): RecordVersion => ({ seq, data: undefined });

function keysOf(version: RecordVersion | undefined): string[] | undefined {
  if (version?.data === undefined) return undefined;
  return PLAIN_RECORDS.decode(KEY, version.data)?.intercepts.map(({ key }) => key);
}

test("the record of the later event stands", () => {
  assert.equal(settle(KEY, own(session(1)), stored(session(2))), undefined);
  assert.deepEqual(keysOf(settle(KEY, own(session(3, "a")), stored(session(2)))), ["a"]);
});

test("what was removed later stays removed, and a later session of that id is not removed", () => {
  assert.equal(settle(KEY, own(session(5)), removed(6)), undefined);
  assert.ok(settle(KEY, own(session(7)), removed(6)));
  assert.equal(settle(KEY, removed(6), stored(session(7))), undefined);
  assert.deepEqual(settle(KEY, removed(8), stored(session(7))), removed(8));
  assert.equal(settle(KEY, removed(8), removed(8)), undefined);
});

test("of two that have seen the same, what either has ended is over", () => {
  assert.deepEqual(settle(KEY, removed(7), stored(session(7))), removed(7));
  assert.equal(settle(KEY, own(session(7)), removed(7)), undefined);
  assert.deepEqual(keysOf(settle(KEY, own(session(7, "a")), stored(session(7, "a", "b")))), ["a"]);
  assert.deepEqual(keysOf(settle(KEY, own(session(7, "a")), stored(session(7, "b")))), []);
  assert.equal(settle(KEY, own(session(7, "a", "b")), stored(session(7, "a"))), undefined);
  assert.equal(settle(KEY, own(session(7, "a")), stored(session(7, "a"))), undefined);
});

test("a record that nobody can read is replaced", () => {
  const ours = own(session(7));
  assert.equal(settle(KEY, ours, { seq: 0, data: Buffer.from("{") }), ours);
});
