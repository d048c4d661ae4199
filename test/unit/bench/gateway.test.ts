/** What the gateway's bench says is what it measured, round by round. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  FREERADIUS,
  GATEWAY,
  gatewayFigures,
  gatewayRecords,
  type Measured,
  NO_PROXY,
  type TargetRuns,
} from "../../../bench/gateway/report.js";

const MACHINE = { cpu: "a processor", cores: 2, kernel: "Linux 6.18", date: "2026-11-22T16:00:00.000Z" };

function runs(field: "perSecond" | "p99", values: readonly number[]): Measured[] {
  return values.map((value) => ({ perSecond: 1, p50: 1, p99: 1, cpu: 1, lost: 0, [field]: value }));
}

function target(name: string, perSecond: readonly number[], p99: readonly number[]): TargetRuns {
  return { name, full: runs("perSecond", perSecond), paced: runs("p99", p99) };
}

const targets = (gatewayP99: readonly number[], gatewayRate: readonly number[]): TargetRuns[] => [
  target(NO_PROXY, [300, 300, 300], [1, 5, 1]),
  target(FREERADIUS, [100, 50, 100], [2, 2, 2]),
  target(GATEWAY, gatewayRate, gatewayP99),
];

it("what a round did to one it did to the other: ratios and differences are of one round", () => {
  const [, freeradius, gateway] = gatewayRecords(targets([2, 7, 3], [200, 100, 210]));
  assert.deepEqual(freeradius?.ratioToFreeradius, { median: 1, low: 1, high: 1 });
  assert.deepEqual(gateway?.ratioToFreeradius, { median: 2, low: 2, high: 2.05 });
  assert.deepEqual(gateway?.addedP99Ms, { median: 2, low: 1.5, high: 2 });
  assert.equal(gateway?.rounds, 3);
});

it("logins without an answer are told", () => {
  const [first, ...others] = targets([1, 1, 1], [1, 1, 1]);
  assert.ok(first);
  const lossy = { ...first, paced: first.paced.map((run) => ({ ...run, lost: 2 })) };
  assert.deepEqual(
    gatewayRecords([lossy, ...others]).map(({ lost }) => lost),
    [6, 0, 0],
  );
});

it("goals are met or missed by what was measured", () => {
  const met = gatewayFigures(gatewayRecords(targets([2, 7, 3], [200, 100, 210])), MACHINE);
  assert.match(met, /to FreeRADIUS's \| ≥ 1 \| 2\.00 \(2\.00 to 2\.05\) \| met \|/);
  assert.match(met, /p99 added, ms \| ≤ 2 \| 2\.00 \(1\.50 to 2\.00\) \| met \|/);
  const missed = gatewayFigures(gatewayRecords(targets([4, 8, 4], [90, 40, 90])), MACHINE);
  assert.match(missed, /≥ 1 \| 0\.90 \(0\.85 to 0\.90\) \| \*\*missed\*\* \|/);
  assert.match(missed, /≤ 2 \| 3\.00 \(3\.00 to 3\.00\) \| \*\*missed\*\* \|/);
});
