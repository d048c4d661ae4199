import assert from "node:assert/strict";
import { test } from "node:test";
import { Revisions } from "../../../src/bus/revisions.js";

test("revisions are those set last, while keys come and go", () => {
  const revisions = new Revisions();
  const expected = new Map<string, number>();
  for (let step = 1; step <= 60_000; step++) {
    const key = `bng1.${(step * 7919) % 20_011}`;
    const revision = step % 3 === 0 ? 0 : step;
    revisions.set(key, revision);
    expected.set(key, revision);
  }
  const wrong = [...expected].filter(([key, revision]) => revisions.of(key) !== revision);
  // Two keys of one 32-bit hash share a guess.
  assert.ok(wrong.length < 10, `${wrong.length} of ${expected.size}`);
  assert.equal(revisions.of("bng1.unheard-of"), 0);
});

test("room in reserve changes nothing of what is known", () => {
  const revisions = new Revisions();
  for (let key = 1; key <= 1000; key++) revisions.set(`bng1.${key}`, key);
  revisions.reserve(100_000);
  for (let key = 1001; key <= 2000; key++) revisions.set(`bng1.${key}`, key);
  revisions.reserve(10);
  const wrong = Array.from({ length: 2000 }, (_, at) => at + 1).filter((key) => revisions.of(`bng1.${key}`) !== key);
  assert.deepEqual(wrong, []);
});
