import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { replaceBlock } from "../../../bench/markdown.js";
import { costsOf, needs, packetsPerSecond, stateBytes } from "../../../bench/model.js";
import type { Result } from "../../../bench/results.js";

function about(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 0.005, `${actual} is not about ${expected}`);
}

describe("the model of a node", () => {
  it("knows what fits a wire", () => {
    about(packetsPerSecond(100, 60) / 1e6, 148.8);
    about(packetsPerSecond(100, 1514) / 1e6, 8.13);
  });

  it("adds up cores, copies and memory", () => {
    const costs = { passedNs: 500, mirroredNs: 1000 };
    const { mpps, cores, mediationGbps, memoryGBps } = needs({ gbps: 10, share: 0.5, utilization: 0.5 }, 1000, costs);
    about(mpps, 1.2207);
    about(cores, (1.2207e6 * 750) / 1e9 / 0.5);
    about(mediationGbps, (0.5 * 1.2207e6 * 8 * 1060) / 1e9);
    about(memoryGBps, (1.2207e6 * 2000 + 0.5 * 1.2207e6 * 3036) / 1e9);
  });

  it("counts the counters of each CPU", () => {
    assert.equal(stateBytes(10, 2) - stateBytes(10, 1), 480);
  });

  it("takes the costs from the records, and has none where one is missing", () => {
    const record = (id: string, mirroredShare: number, ns: number): Partial<Result> => ({
      case: id,
      mirroredShare,
      handledMpps: 1000 / ns,
      packetBytes: 128,
      flows: 1024,
      subscribers: 1000,
    });
    const records = [
      record("forwarding", 1, 1000),
      record("forwarding", 0, 1000),
      record("tc", 1, 2000),
      record("tc", 0, 1100),
    ] as Result[];
    const costs = costsOf(records, "tc", 128);
    assert.ok(costs);
    about(costs.passedNs, 1100);
    about(costs.mirroredNs, 2000);
    assert.equal(costsOf(records.slice(1), "tc", 128), undefined);
    assert.equal(costsOf(records, "xdp-forward", 128), undefined);
  });
});

describe("figures in a document", () => {
  it("stand between their marks, whatever stood there before", () => {
    const text = "a\n<!-- x -->\nold\n<!-- /x -->\nb";
    assert.equal(replaceBlock(text, "x", "new"), "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb");
    assert.throws(() => replaceBlock(text, "y", ""), /<!-- y -->/);
  });
});
