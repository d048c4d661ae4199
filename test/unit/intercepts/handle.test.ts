import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { InterceptError } from "../../../src/intercepts/errors.js";
import { formatHandle, parseHandle, sessionIdOf } from "../../../src/intercepts/handle.js";

test("the documented handles", () => {
  assert.deepEqual(parseHandle("0000030000000090"), { interceptId: 0x300, sessionId: 0x90 });
  assert.deepEqual(parseHandle("40000300"), { interceptId: 0x300, sessionId: undefined });
  assert.deepEqual(parseHandle("3fffffffffffffff"), { interceptId: 0x3fff_ffff, sessionId: 0xffff_ffff });
  assert.deepEqual(parseHandle("7FFFFFFF"), { interceptId: 0x3fff_ffff, sessionId: undefined });
});

test("any other length or top bits are refused", () => {
  for (const handle of [
    "",
    "0",
    "000300",
    "0000030000",
    "000003000000009",
    "8000030000000090",
    "00000300",
    "80000300",
    "0x000300",
  ]) {
    assert.throws(() => parseHandle(handle), InterceptError, handle);
  }
});

test("what is formatted is read back", () => {
  fc.assert(
    fc.property(fc.nat(0x3fff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }), (interceptId, sessionId) => {
      assert.deepEqual(parseHandle(formatHandle(interceptId, sessionId)), { interceptId, sessionId });
    }),
  );
});

const SESSION_IDS: readonly [string, number][] = [
  ["1048577", 1048577],
  ["4294967298", 2],
  ["jnpr ge-1/0/0.100:1048577", 1048577],
  ["jnpr demux0.1073741824:a3f", 0xa3f],
  ["0A3F00C1", 0x0a3f00c1],
  ["ffffffff00000005", 5],
  ["0", 0],
];

for (const [text, id] of SESSION_IDS) {
  test(`the session id of ${text} is ${id}`, () => assert.equal(sessionIdOf(text), id));
}

test("an Acct-Session-Id without a number at its end is refused, without quoting it", () => {
  for (const text of ["", "session", "12:", "0x12", "12 ", "-1", "1.5"]) {
    assert.throws(
      () => sessionIdOf(text),
      (error) =>
        error instanceof InterceptError && error.field === "Acct-Session-Id" && !error.message.includes("session'"),
      text,
    );
  }
});
