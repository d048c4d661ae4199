import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { pairwiseRatios, quantile, shuffled, summarize } from "../../../bench/statistics.js";

describe("medians and spreads", () => {
  it("interpolate between the sorted values", () => {
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
    assert.equal(quantile([4, 1, 3, 2], 0), 1);
    assert.equal(quantile([4, 1, 3, 2], 1), 4);
    assert.deepEqual(summarize([5, 1, 2, 4, 3]), { median: 3, low: 2, high: 4 });
  });

  it("lie within the values, in order", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 });
    fc.assert(
      fc.property(values, (all) => {
        const { low, median, high } = summarize(all);
        assert.ok(Math.min(...all) <= low && low <= median && median <= high && high <= Math.max(...all));
      }),
    );
  });
});

describe("ratios", () => {
  it("are of the same round, so that what slows a round down does not change them", () => {
    assert.deepEqual(pairwiseRatios([2, 1, 4], [1, 0.5, 2]), [2, 2, 2]);
    assert.throws(() => pairwiseRatios([1], [1, 2]), RangeError);
  });
});

describe("a shuffled order", () => {
  it("has every item once and is not always the same", () => {
    const items = Array.from({ length: 20 }, (_, index) => index);
    const orders = new Set<string>();
    for (let turn = 0; turn < 20; turn++) {
      const order = shuffled(items);
      assert.deepEqual(
        order.toSorted((a, b) => a - b),
        items,
      );
      orders.add(order.join());
    }
    assert.ok(orders.size > 1);
  });
});
