import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InterfaceMatches } from "../../../src/datapath/interface-matches.js";
import { interfaceKey } from "../../../src/datapath/matches.js";

describe("intercepts on interfaces", () => {
  test("are found by the interface's name", () => {
    const matches = new InterfaceMatches();
    matches.set("one", new Map([["ppp0", interfaceKey(7)]]));
    matches.set(
      "two",
      new Map([
        ["ppp0", interfaceKey(7)],
        ["ppp1", undefined],
      ]),
    );
    assert.deepEqual(matches.on("ppp0"), ["one", "two"]);
    assert.deepEqual(matches.on("ppp1"), ["two"]);
    assert.deepEqual(matches.on("ppp2"), []);
    assert.equal(matches.keys("two").get("ppp0"), interfaceKey(7));
    assert.equal(matches.keys("two").has("ppp1"), true);
  });

  test("are replaced as a whole, and gone when they are deleted", () => {
    const matches = new InterfaceMatches();
    matches.set("one", new Map([["ppp0", interfaceKey(7)]]));
    matches.set("one", new Map([["ppp1", interfaceKey(8)]]));
    assert.deepEqual([matches.on("ppp0"), matches.on("ppp1")], [[], ["one"]]);
    matches.set("one", new Map());
    assert.deepEqual([matches.on("ppp1"), matches.keys("one").size], [[], 0]);
    matches.set("one", new Map([["ppp0", interfaceKey(7)]]));
    matches.delete("one");
    matches.delete("one");
    assert.deepEqual(matches.on("ppp0"), []);
  });
});
