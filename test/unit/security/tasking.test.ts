/** From what an authority types to an order: what is taken, and what is said where it is wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskingError } from "../../../src/tasking/errors.js";
import { buildOrder, type TaskOptions } from "../../../src/tasking/order.js";
import { DAY, HOUR, NOW } from "../../support/security.js";

const GOOD: TaskOptions = {
  id: "t-1",
  reference: "W-2026-0042",
  userName: "alice",
  mediation: "198.51.100.9:30030",
  interceptId: "0x1234",
};

const build = (changes: TaskOptions = {}) => buildOrder("activate", { ...GOOD, ...changes }, NOW, 90 * DAY);

test("an order says what was typed", () => {
  const order = build({ for: "30d", direction: "from", nas: "bng1", dscp: "46" });
  assert.deepEqual([order.task, order.action, order.serial, order.notBefore], ["t-1", "activate", NOW, NOW - 60_000]);
  assert.deepEqual(order.warrant?.subject, { by: "user-name", value: "alice", nas: "bng1" });
  assert.deepEqual(order.warrant?.li, {
    action: "on",
    handle: "40001234",
    mediation: { address: "198.51.100.9", port: 30030 },
    direction: "from",
    dscp: 46,
    notAfter: new Date(NOW + 30 * DAY).toISOString(),
  });
  assert.equal(order.notAfter, NOW + 30 * DAY);
});

test("an order without an end can be taken as long as the authority may", () => {
  assert.equal(build().notAfter, NOW - 60_000 + 90 * DAY);
  assert.equal(build().warrant?.li.notAfter, undefined);
  assert.equal(build({ until: new Date(NOW + HOUR).toISOString() }).notAfter, NOW + HOUR);
});

test("addresses, ports by direction, further terms, decimal ids", () => {
  const order = build({ mediation: "[2001:db8::9]:5000/5001", interceptId: "4660", terms: { snapLength: 128 } });
  assert.deepEqual(order.warrant?.li.mediation, { address: "2001:db8::9", port: 5000, portTo: 5001 });
  assert.deepEqual([order.warrant?.li.handle, order.warrant?.li.snapLength], ["40001234", 128]);
});

test("an end names its task alone", () => {
  const { warrant, notAfter } = buildOrder("deactivate", { id: "t-1" }, NOW, 90 * DAY);
  assert.deepEqual([warrant, notAfter], [undefined, NOW + 90 * DAY]);
});

const { userName: _userName, ...NOBODY } = GOOD;
const WRONG: readonly [string, TaskOptions, RegExp][] = [
  ["no subject", { ...NOBODY }, /one subject is expected: --user-name/],
  ["two subjects", { ...GOOD, address: "100.64.0.7" }, /one subject is expected/],
  ["a port of any NAS", { ...NOBODY, nasPortId: "ge-1/0/0" }, /subject\.nas/],
  ["an address that is none", { ...NOBODY, address: "100.64.0.7/8" }, /subject\.value/],
  ["no reference", { ...GOOD, reference: undefined } as unknown as TaskOptions, /--reference is missing/],
  ["a host name", { ...GOOD, mediation: "md.example:30030" }, /must be an IPv4 or IPv6 address/],
  ["no port", { ...GOOD, mediation: "198.51.100.9" }, /--mediation must be address:port/],
  ["an id of 31 bits", { ...GOOD, interceptId: "0x40000000" }, /--intercept-id must be a number of at most 30 bits/],
  ["a local time", { ...GOOD, until: "2026-12-01" }, /--until must be RFC 3339/],
  ["two ends", { ...GOOD, until: "2026-12-01T00:00:00Z", for: "1d" }, /give one of them/],
  ["a duration that is none", { ...GOOD, for: "soon" }, /--for must be a duration/],
  ["an end before its beginning", { ...GOOD, from: "2026-12-02T00:00:00Z", until: "2026-12-01T00:00:00Z" }, /later/],
  ["a name that is none", { ...GOOD, id: "a.b" }, /--id must name the task/],
  ["terms that nobody knows", { ...GOOD, terms: { colour: "red" } }, /li must hold nothing but/],
];

for (const [what, options, expected] of WRONG) {
  test(`${what} is refused with what to type`, () => {
    assert.throws(
      () => buildOrder("activate", options, NOW, 90 * DAY),
      (error: unknown) => error instanceof TaskingError && expected.test(error.message),
    );
  });
}
