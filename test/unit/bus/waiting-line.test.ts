import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { WaitingLine } from "../../../src/bus/waiting-line.js";
import { leftBehind } from "../../support/garbage.js";

describe("a waiting line", () => {
  it("is what a Map of numbers would be", () => {
    const steps = fc.array(fc.oneof(fc.constant("join"), fc.nat(400)), { maxLength: 600 });
    fc.assert(
      fc.property(steps, (all) => {
        const line = new WaitingLine<{ readonly name: number }>();
        const model = new Map<number, { readonly name: number }>();
        let next = 0;
        for (const step of all) {
          if (step === "join") {
            const item = { name: next };
            assert.equal(line.next, next);
            assert.equal(line.join(item), next);
            model.set(next++, item);
          } else {
            assert.equal(line.has(step as number), model.has(step as number));
            assert.equal(line.leave(step as number), model.get(step as number));
            model.delete(step as number);
          }
          assert.equal(line.size, model.size);
          assert.equal(line.first, [...model.values()][0]);
        }
        assert.deepEqual(line.leaveBefore(line.next), [...model.values()]);
        assert.equal(line.size, 0);
      }),
    );
  });

  it("lets those before a number go, in their order, and knows no number that is none", () => {
    const line = new WaitingLine<{ readonly name: string }>();
    for (const name of ["a", "b", "c", "d"]) line.join({ name });
    line.leave(1);
    assert.deepEqual(line.leaveBefore(3), [{ name: "a" }, { name: "c" }]);
    for (const number of [-1, 0, 1.5, 4, Number.NaN, Infinity]) assert.equal(line.leave(number), undefined);
    assert.deepEqual(line.first, { name: "d" });
  });

  it("leaves nothing to the old generation of what came and went", () => {
    const line = new WaitingLine<readonly number[]>();
    const left = leftBehind((index) => {
      line.leave(line.join(Array.from<number>({ length: 200 }).fill(index)));
    });
    assert.ok(left < 2 ** 20, `${left} bytes`);
  });
});
