import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalBytes, canonicalJson, parseCanonical } from "../../../src/security/canonical.js";
import { SecurityError } from "../../../src/security/errors.js";

test("members are in one order, without white space, and undefined ones are left out", () => {
  assert.equal(canonicalJson({ b: [1, "x", null], a: { d: true, c: undefined } }), '{"a":{"d":true},"b":[1,"x",null]}');
  assert.equal(canonicalJson(-0), "0");
});

test("what has no canonical form is refused where it is written", () => {
  for (const value of [1.5, Number.NaN, 2 ** 53, undefined, () => 1, { a: [undefined] }, 1n]) {
    assert.throws(() => canonicalJson(value), TypeError);
  }
});

test("what is read back is what was written, and every other form of it is refused", () => {
  const json = fc
    .jsonValue({ noUnicodeString: false })
    .filter((value) => !/\d\.\d|e[+-]?\d/.test(JSON.stringify(value)));
  fc.assert(
    fc.property(json, (value) => {
      let bytes: Buffer;
      try {
        bytes = canonicalBytes(value);
      } catch {
        return;
      }
      assert.deepEqual(canonicalBytes(parseCanonical(bytes, "it")), bytes);
    }),
  );
  for (const text of ['{"b":1,"a":2}', '{"a": 1}', '{"a":1,"a":2}', '{"a":1.0}', '"\\u0061"', "{", "", "[1,]"]) {
    assert.throws(
      () => parseCanonical(Buffer.from(text), "the order"),
      (error: unknown) => error instanceof SecurityError && error.reason === "malformed",
      text,
    );
  }
});

test("a depth that no parser bears is an error like any other", () => {
  const deep = Buffer.from("[".repeat(200_000) + "]".repeat(200_000));
  assert.throws(() => parseCanonical(deep, "the order"), SecurityError);
});
