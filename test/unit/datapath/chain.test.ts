import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeChain } from "../../../src/datapath/chain.js";

const link = (linkId: number) => ({ linkId, progId: linkId + 100 });
const program = (progId: number) => ({ linkId: 0, progId });

describe("the order of a chain", () => {
  test("ours first, whoever comes behind", () => {
    assert.deepEqual(judgeChain([link(1), link(2), link(9), program(7)], [1, 2]), { state: "first" });
  });

  test("another's link ahead of the first", () => {
    assert.deepEqual(judgeChain([link(9), link(1), link(2)], [1, 2]), { state: "overtaken", ahead: [link(9)] });
  });

  test("another's program between ours, and one behind that does no harm", () => {
    assert.deepEqual(judgeChain([link(1), program(7), link(2), link(8)], [1, 2]), {
      state: "overtaken",
      ahead: [program(7)],
    });
  });

  test("ours in the wrong order", () => {
    assert.deepEqual(judgeChain([link(2), link(1)], [1, 2]), { state: "overtaken", ahead: [] });
  });

  test("one of ours missing", () => {
    assert.deepEqual(judgeChain([link(1), link(9)], [1, 2]), { state: "lost" });
    assert.deepEqual(judgeChain([], [1]), { state: "lost" });
  });

  test("none of ours", () => {
    assert.deepEqual(judgeChain([link(9)], []), { state: "first" });
  });
});
