import assert from "node:assert/strict";
import { test } from "node:test";
import { Limits } from "../../../src/datapath/layout.gen.js";
import { MAX_TERMS } from "../../../src/intercepts/drop-policy.js";

test("a drop policy may have as many terms as the kernel's structure has room for", () => {
  assert.equal(MAX_TERMS, Limits.MAX_TERMS);
});
