/** The index against a Map of Sets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { HashIndex, NONE } from "../../../src/sessions/hash-index.js";

const key = fc.constantFrom("u alice", "u bob", "s 1", "s 2", "x 100.64.0.7/32", "");

test("slots are found under their keys, the last added first, and under no other", () => {
  const action = fc.oneof(
    fc.record({ add: fc.nat(20), keys: fc.array(key, { maxLength: 20 }) }),
    fc.record({ remove: fc.nat(20) }),
    fc.record({ reserve: fc.nat(3000) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const index = new HashIndex();
      let model: { slot: number; key: string }[] = [];
      for (const step of actions) {
        if ("add" in step) {
          for (const one of step.keys) index.stage(one.slice(0, 2), one.slice(2));
          index.addStaged(step.add);
          for (const one of step.keys) model.unshift({ slot: step.add, key: one });
        } else if ("reserve" in step) index.reserve(step.reserve, 2 * step.reserve);
        else {
          index.removeSlot(step.remove);
          model = model.filter(({ slot }) => slot !== step.remove);
        }
        assert.equal(index.size, model.length);
        for (const { key: wanted } of model) {
          const expected = model.filter((entry) => entry.key === wanted).map(({ slot }) => slot);
          assert.deepEqual([...index.slots(wanted)], expected);
          const byHand: number[] = [];
          for (let entry = index.first("", wanted); entry !== NONE; entry = index.next(entry))
            byHand.push(index.slotOf(entry));
          assert.deepEqual(byHand, expected);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("it grows, shrinks and grows again without losing or keeping anything", () => {
  const index = new HashIndex();
  const count = 50_000;
  const keys = (slot: number): string[] => [`s ${slot}`, `u user${slot % 1000}`];
  for (let slot = 0; slot < count; slot++) for (const name of keys(slot)) index.add(slot, name);
  for (let slot = 0; slot < count; slot += 2) index.removeSlot(slot);
  for (let slot = 0; slot < count; slot += 4) for (const name of keys(slot)) index.add(slot, name);
  const there = (slot: number): boolean => slot % 2 === 1 || slot % 4 === 0;
  for (let slot = 0; slot < count; slot += 7) {
    assert.equal([...index.slots(`s ${slot}`)].includes(slot), there(slot), `slot ${slot}`);
  }
  const shared = [...index.slots("u user8")].toSorted((one, other) => one - other);
  assert.deepEqual(
    shared,
    Array.from({ length: count / 1000 }, (_, round) => round * 1000 + 8),
  );
  for (let slot = 0; slot < count; slot++) index.removeSlot(slot);
  assert.equal(index.size, 0);
});

test("many slots under one key can be removed one by one in reasonable time", () => {
  const index = new HashIndex();
  for (let slot = 0; slot < 200_000; slot++) index.add(slot, "u everybody");
  for (let slot = 0; slot < 200_000; slot++) index.removeSlot(slot);
  assert.deepEqual([...index.slots("u everybody")], []);
});
