import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { GlobError, globMatcher } from "../../../src/net/globs.js";

const FITS: readonly (readonly [glob: string, fits: readonly string[], not: readonly string[]])[] = [
  ["eth0", ["eth0"], ["eth", "eth00", "xeth0", "Eth0"]],
  ["eth*", ["eth", "eth0", "eth0.100"], ["xeth0"]],
  ["*.100", ["eth0.100", ".100"], ["eth0x100", "eth0.1000"]],
  ["ppp?", ["ppp0", "ppp9"], ["ppp", "ppp10"]],
  ["eth[01]", ["eth0", "eth1"], ["eth2", "eth01"]],
  ["eth[0-3]", ["eth0", "eth3"], ["eth4", "eth-"]],
  ["eth[!0-3]", ["eth4", "ethx", "eth!"], ["eth0", "eth3", "eth"]],
  ["[a-c]*[!x]", ["ab", "c-y"], ["ax", "dx"]],
  ["a+b", ["a+b"], ["aab", "ab"]],
  ["v(1)|2", ["v(1)|2"], ["v1", "2"]],
  ["a^b$c{1}\\", ["a^b$c{1}\\"], ["abc"]],
  ["[^a]", ["^", "a"], ["b"]],
  ["[]]", ["]"], ["[", "]]"]],
  ["*", ["", "anything"], []],
  ["", [""], ["a"]],
];

describe("globs", () => {
  for (const [glob, fits, not] of FITS)
    test(`"${glob}"`, () => {
      const matches = globMatcher([glob]);
      for (const name of fits) assert.ok(matches(name), `"${name}" fits`);
      for (const name of not) assert.ok(!matches(name), `"${name}" does not fit`);
    });

  test("one of several is enough, none fits nothing", () => {
    const matches = globMatcher(["eth*", "ppp*"]);
    assert.ok(matches("eth0") && matches("ppp0") && !matches("wlan0"));
    assert.ok(!globMatcher([])("eth0"));
  });

  for (const glob of ["eth[0", "eth[", "[z-a]"])
    test(`"${glob}" is refused in one sentence that names it`, () => {
      assert.throws(
        () => globMatcher(["ok*", glob]),
        (error) => error instanceof GlobError && error.message.includes(`"${glob}"`) && !error.message.includes("\n"),
      );
    });

  test("any text is a pattern or a GlobError", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab-[]!^*?.\\(+".split("")) }), fc.string(), (glob, name) => {
        try {
          globMatcher([glob])(name);
        } catch (error) {
          assert.ok(error instanceof GlobError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
