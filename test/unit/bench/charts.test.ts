import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { barChart, spreadLabels, stepFor } from "../../../bench/chart-kinds.js";
import { chartsOf } from "../../../bench/charts.js";
import type { Result } from "../../../bench/results.js";

function result(change: Partial<Result>): Result {
  return {
    case: "tc",
    packetBytes: 128,
    mix: false,
    flows: 1024,
    subscribers: 1000,
    mirroredShare: 1,
    entries: 1000,
    forwardedMpps: 0.5,
    mirroredMpps: 0.5,
    handledMpps: 0.5,
    ratioToForwarding: 0.5,
    ratioToMirred: 1.5,
    mirrorNs: 1000,
    copiesArrived: 1,
    lost: 0,
    spread: { handledMpps: [0.4, 0.6], ratioToForwarding: [0.4, 0.6], ratioToMirred: [1.4, 1.6], rounds: 5 },
    ...change,
  };
}

describe("charts", () => {
  it("take steps of 1, 2 or 5 times a power of ten", () => {
    assert.deepEqual([0.9, 1.2, 4, 30].map(stepFor), [0.2, 0.5, 1, 10]);
  });

  it("keep labels apart, in their order", () => {
    assert.deepEqual(spreadLabels([10, 12, 50], 15), [10, 25, 50]);
    assert.deepEqual(spreadLabels([12, 10], 15), [25, 10]);
  });

  it("write what a name says as text, not as markup", () => {
    const rows = [{ label: "a <b> & c", colour: "#000000", values: [{ value: 1, low: 1, high: 1 }] }];
    const svg = barChart({ title: "t", subtitle: "s", series: ["x"], rows, unit: "u" });
    assert.match(svg, /a &lt;b&gt; &amp; c/);
  });

  it("are drawn only where there is enough to draw, and hold no value that is none", () => {
    const few = chartsOf([result({})]);
    assert.deepEqual(
      few.map(({ name }) => name),
      ["bench-throughput"],
    );
    const many = [1, 1000, 100_000, 1_000_000].flatMap((entries) =>
      [0, 0.01, 1].flatMap((mirroredShare) =>
        [64, 128, 1400].map((packetBytes) =>
          result({ entries, subscribers: entries, mirroredShare, packetBytes, flows: Math.max(1024, entries) }),
        ),
      ),
    );
    const all = chartsOf(many);
    assert.equal(all.length, 4);
    for (const { svg } of all) assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  });
});
