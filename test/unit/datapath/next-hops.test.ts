import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ANSWER_WITHIN_MS, neighbourStep, PROBE_EVERY_MS } from "../../../src/datapath/next-hops.js";

const LONG_AGO = { sinceProbe: Number.POSITIVE_INFINITY, probing: 0 };

describe("what is done about a neighbour", () => {
  for (const state of ["reachable", "stale", "delay"] as const) {
    test(`${state}: asked from time to time`, () => {
      assert.equal(neighbourStep(state, LONG_AGO), "probe");
      assert.equal(neighbourStep(state, { sinceProbe: PROBE_EVERY_MS - 1, probing: 0 }), undefined);
      assert.equal(neighbourStep(state, { sinceProbe: PROBE_EVERY_MS, probing: 0 }), "probe");
    });
  }

  for (const state of ["none", "failed"] as const) {
    test(`${state}: everybody is asked`, () => {
      assert.equal(neighbourStep(state, LONG_AGO), "resolve");
      assert.equal(neighbourStep(state, { sinceProbe: 0, probing: 0 }), "resolve");
    });
  }

  test("asked and silent: everybody is asked, but not at once", () => {
    assert.equal(neighbourStep("probe", { sinceProbe: 0, probing: ANSWER_WITHIN_MS - 1 }), undefined);
    assert.equal(neighbourStep("probe", { sinceProbe: 0, probing: ANSWER_WITHIN_MS }), "renew");
  });

  for (const state of ["permanent", "noarp", "incomplete"] as const) {
    test(`${state}: left alone`, () => assert.equal(neighbourStep(state, LONG_AGO), undefined));
  }
});
