import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reconcile } from "../../../src/agent/reconcile.js";
import { DatapathError } from "../../../src/datapath/port.js";
import { makeIntercept } from "../../../src/sessions/intercept.js";
import { makeSession, NO_INTERCEPTS, type Session, withChanges } from "../../../src/sessions/session.js";
import { FakeDatapath } from "../../support/fake-datapath.js";

const DEFAULTS = { header: "junos" } as const;
const FULL = new DatapathError("table-full", "the intercept table is full");

function plain(number: number): Session {
  return makeSession({
    nas: "bng1",
    acctSessionId: String(number),
    createdBy: "",
    attributes: { "Framed-IP-Address": `100.64.${number >>> 8}.${number & 255}/32` },
    lost: "",
    seq: number,
    intercepts: NO_INTERCEPTS,
  });
}

function mirrored(number: number, { failed = false } = {}): Session {
  const session = plain(number);
  const order = {
    action: "on",
    handle: "0000030000000090",
    mediation: { address: "198.51.100.9", port: 30030 },
  } as const;
  const origin = { source: "radiusCoa", mandate: undefined, eventId: `e-${number}` } as const;
  return withChanges(session, { intercepts: [{ ...makeIntercept(session, order, origin, DEFAULTS), failed }] });
}

function keyOf(session: Session): string {
  return session.intercepts[0]?.key ?? "";
}

describe("reconciling", () => {
  test("more than one batch: all are put, refusals are told by key", () => {
    const sessions = Array.from({ length: 10_000 }, (_, number) =>
      number % 2 === 0 ? mirrored(number) : plain(number),
    );
    const unwanted = new Set([keyOf(sessions[0] as Session), keyOf(sessions[9998] as Session)]);
    const datapath = new FakeDatapath();
    datapath.capacity = 10_000;
    datapath.refuse = ({ key }) => (unwanted.has(key) ? FULL : undefined);
    const { put, removed, refused } = reconcile(() => sessions, datapath, DEFAULTS);
    assert.deepEqual([put, removed, datapath.specs.size], [4998, 0, 4998]);
    assert.deepEqual(new Set(refused.keys()), unwanted);
  });

  test("what has ended goes first, what runs is not removed", () => {
    const [ended, running, begun] = [mirrored(1), mirrored(2), mirrored(3)];
    const datapath = new FakeDatapath();
    reconcile(() => [ended, running], datapath, DEFAULTS);
    datapath.journal.length = 0;
    const { put, removed } = reconcile(() => [plain(1), running, begun], datapath, DEFAULTS);
    assert.deepEqual([put, removed], [2, 1]);
    assert.deepEqual(datapath.journal, [`remove ${keyOf(ended)}`, `put ${keyOf(running)}`, `put ${keyOf(begun)}`]);
  });

  test("what failed once gets another chance", () => {
    const datapath = new FakeDatapath();
    const session = mirrored(1, { failed: true });
    assert.equal(reconcile(() => [session], datapath, DEFAULTS).put, 1);
    assert.deepEqual(datapath.keys(), [keyOf(session)]);
  });
});
