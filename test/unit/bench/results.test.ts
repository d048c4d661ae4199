import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Case } from "../../../bench/cases/case.js";
import { goalResults, isReached } from "../../../bench/goals.js";
import { type Sample, toSample } from "../../../bench/measure.js";
import { fullPlan, meanSize, type Point, quickPlan } from "../../../bench/plan.js";
import { type Measured, resultsOf } from "../../../bench/results.js";

const NONE = { packets: 0, bytes: 0, intercepted: 0, others: 0 };
const FORWARDS = { forwards: true, mirrors: true };

function sampleOf(originals: number, intercepted: number, copies: number, expected = FORWARDS): Sample {
  const after = {
    originals: { ...NONE, packets: originals, intercepted },
    copies: { ...NONE, packets: copies },
  };
  const interval = { sent: 1000, coreMs: 1, wallMs: 2, before: { originals: NONE, copies: NONE }, after };
  return toSample(interval, expected);
}

function handledOf(originals: number, intercepted: number, copies: number): number {
  return sampleOf(originals, intercepted, copies).handledMpps;
}

describe("a measurement", () => {
  it("counts what arrived, by core time", () => {
    const sample = sampleOf(900, 90, 90);
    assert.equal(sample.forwardedMpps, 0.9);
    assert.equal(sample.mirroredMpps, 0.09);
    assert.ok(Math.abs(sample.lost - 0.1) < 1e-9);
    assert.equal(sample.takenAway, 0.5);
  });

  it("does not credit packets whose copy did not arrive", () => {
    assert.equal(handledOf(1000, 500, 500), 1);
    assert.equal(handledOf(1000, 500, 250), 0.5);
    assert.equal(handledOf(1000, 0, 0), 1);
    assert.equal(handledOf(1000, 500, 600), 1, "nor more than there were");
  });

  it("takes copies for the work of a node behind a tap", () => {
    const sample = sampleOf(0, 0, 800, { forwards: false, mirrors: true });
    assert.equal(sample.handledMpps, 0.8);
    assert.equal(sample.copiesPerDue, 0.8);
  });

  it("expects no copies of plain forwarding", () => {
    assert.equal(sampleOf(1000, 1000, 0, { forwards: true, mirrors: false }).handledMpps, 1);
  });
});

function caseNamed(id: string, entries: number, counting: Case["counting"] = "tc"): Case {
  return { id, title: id, entries, counting, copyKind: 0, ...FORWARDS, setUp: () => undefined };
}

function measured(id: string, handled: readonly number[], entries = 0, counting: Case["counting"] = "tc"): Measured {
  const samples = handled.map((mpps) => ({ ...sampleOf(1000, 1000, 1000), handledMpps: mpps, forwardedMpps: mpps }));
  return { case: caseNamed(id, entries, counting), samples };
}

const POINT: Point = {
  traffic: { sizes: [128], flows: 1024, intercepted: 1, subscribers: 1000 },
  entries: 1000,
  cases: [],
};

describe("a record", () => {
  it("has ratios of the same round, and what the mirror costs", () => {
    const all = [
      measured("forwarding", [1, 0.5, 1]),
      measured("mirred-vxlan", [0.4, 0.2, 0.4]),
      measured("tc", [0.5, 0.25, 0.5], 1000),
    ];
    const tc = resultsOf(POINT, all)[2];
    assert.ok(tc);
    assert.equal(tc.ratioToForwarding, 0.5);
    assert.equal(tc.ratioToMirred, 1.25);
    assert.equal(tc.mirrorNs, 1000);
    assert.deepEqual(tc.spread.ratioToMirred, [1.25, 1.25]);
    assert.equal(tc.entries, 1000);
  });

  it("compares XDP with forwarding that is counted in the same way", () => {
    const all = [
      measured("forwarding", [1]),
      measured("forwarding-xdp-sinks", [2], 0, "xdp"),
      measured("xdp-forward", [1], 1000, "xdp"),
    ];
    assert.equal(resultsOf(POINT, all)[2]?.ratioToForwarding, 0.5);
    assert.equal(resultsOf(POINT, all)[2]?.ratioToMirred, null);
  });
});

describe("goals", () => {
  const points = [{ point: POINT, measured: [measured("mirred-vxlan", [0.4, 0.4]), measured("tc", [0.8, 0.7], 1000)] }];

  it("are read off the point that they are about", () => {
    const goal = goalResults(points, []).find(({ what }) => what.startsWith("tc, all mirrored, 128"));
    assert.ok(goal && isReached(goal));
    assert.equal(goal.reached?.median, 1.875);
  });

  it("are not reached where nothing was measured", () => {
    const rest = goalResults(points, []).filter(({ reached }) => !reached);
    assert.ok(rest.length > 5);
    assert.ok(rest.every((goal) => !isReached(goal)));
  });

  it("compare lookups by their ratio, less being better", () => {
    const lookups = [
      { entries: 1, hitNs: 10, missNs: 10 },
      { entries: 1_000_000, hitNs: 12, missNs: 14 },
    ].map(({ entries, ...times }) => ({ entries, random: times, inUse: times, cold: times }));
    const [hit, miss, ...others] = goalResults([], lookups).filter(({ what }) => what.startsWith("look-up"));
    assert.equal(others.length, 4);
    assert.ok(hit && isReached(hit));
    assert.ok(miss && !isReached(miss));
  });
});

describe("the plan", () => {
  it("measures a traffic once, with every case once", () => {
    for (const plan of [fullPlan(), quickPlan()]) {
      const keys = plan.points.map(({ traffic, entries }) => JSON.stringify([traffic, entries]));
      assert.equal(new Set(keys).size, keys.length);
      for (const { cases } of plan.points) assert.equal(new Set(cases).size, cases.length);
      assert.ok(plan.rounds >= 5);
    }
  });

  it("has every point that a goal is about", () => {
    const everything = fullPlan().points.map((point) => ({
      point,
      measured: point.cases.map((id) => measured(id, [1], point.entries)),
    }));
    const missing = goalResults(everything, []).filter(({ what, reached }) => !reached && !what.startsWith("look-up"));
    assert.deepEqual(missing, []);
  });

  it("keeps the mix at 7:4:1", () => {
    const mix = fullPlan().points.find(({ traffic }) => traffic.sizes.length > 1);
    const count = (size: number): number | undefined => mix?.traffic.sizes.filter((each) => each === size).length;
    assert.deepEqual([64, 576, 1514].map(count), [7, 4, 1]);
    assert.equal(meanSize(mix?.traffic.sizes ?? []), 356);
  });
});
