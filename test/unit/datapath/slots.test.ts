import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Slots } from "../../../src/datapath/slots.js";

/** A clock that the test moves. */
function clock() {
  let at = 0;
  return { now: () => at, move: (ms: number) => (at += ms) };
}

describe("slots", () => {
  test("are given out from the first on, each once", () => {
    const slots = new Slots(3, 1);
    assert.deepEqual([slots.take(), slots.take(), slots.take()], [1, 2, undefined]);
    assert.equal(slots.used, 2);
  });

  test("a freed one comes again as late as possible, the oldest first", () => {
    const { now, move } = clock();
    const slots = new Slots(4, 0, now);
    assert.deepEqual([slots.take(), slots.take()], [0, 1]);
    slots.free(1);
    slots.free(0);
    move(1000);
    assert.deepEqual([slots.take(), slots.take(), slots.take(), slots.take(), slots.take()], [2, 3, 1, 0, undefined]);
  });

  test("a freed one is not given out while packets may still meet it", () => {
    const slots = new Slots(1);
    assert.equal(slots.take(), 0);
    slots.free(0);
    const freed = performance.now();
    assert.equal(slots.take(), 0);
    assert.ok(performance.now() - freed >= 99, "it came at once");
  });

  test("are fresh until they have been used", () => {
    const { now, move } = clock();
    const slots = new Slots(2, 0, now);
    slots.take();
    assert.ok(slots.lastIsFresh);
    slots.free(0);
    slots.take();
    assert.ok(slots.lastIsFresh);
    move(1000);
    assert.equal(slots.take(), 0);
    assert.ok(!slots.lastIsFresh);
  });

  test("what an earlier run left is taken, what lies between is free at once, and nothing is fresh", () => {
    const slots = new Slots(6);
    slots.adopt(new Set([1, 3]));
    assert.equal(slots.used, 2);
    assert.deepEqual([slots.take(), slots.take()], [4, 5]);
    assert.ok(!slots.lastIsFresh);
    const begun = performance.now();
    assert.deepEqual([slots.take(), slots.take(), slots.take()], [0, 2, undefined]);
    assert.ok(performance.now() - begun < 90, "it waited");
  });

  test("taking over nothing", () => {
    const slots = new Slots(2, 1);
    slots.adopt(new Set());
    assert.deepEqual([slots.take(), slots.take()], [1, undefined]);
  });

  test("a million of an earlier run", () => {
    const slots = new Slots(1_000_001);
    slots.adopt(new Set(Array.from({ length: 1_000_000 }, (_, slot) => slot)));
    assert.deepEqual([slots.take(), slots.take()], [1_000_000, undefined]);
  });

  test("no slot is ever in two hands, and none is lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(20), { maxLength: 60 }), (capacity, steps) => {
        const { now, move } = clock();
        const slots = new Slots(capacity, 0, now);
        const held: number[] = [];
        for (const step of steps) {
          move(1000);
          if (step % 2 === 0 && held.length > 0) slots.free(held.splice(step % held.length, 1)[0] as number);
          else {
            const slot = slots.take();
            assert.equal(slot === undefined, held.length === capacity);
            if (slot === undefined) continue;
            assert.ok(!held.includes(slot) && slot < capacity);
            held.push(slot);
          }
          assert.equal(slots.used, held.length);
        }
      }),
    );
  });
});
