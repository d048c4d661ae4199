import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type OrderedPrefix, orderedPrefix, PrefixOrder } from "../../../src/datapath/prefix-order.js";

const BITS = 24;

/** A prefix of 24 bits, as a trie's key: length, then the bits. */
function prefix(value: number, length: number): OrderedPrefix {
  const masked = length === 0 ? 0 : (value & ((0xffffff << (BITS - length)) & 0xffffff)) >>> 0;
  const key = Buffer.alloc(4 + 3);
  key.writeUInt32LE(length, 0);
  key.writeUIntBE(masked, 4, 3);
  return orderedPrefix(`${length}:${masked.toString(16)}`, key);
}

function holds(wide: OrderedPrefix, narrow: OrderedPrefix): boolean {
  if (wide.length >= narrow.length) return false;
  const bits = (of: OrderedPrefix) =>
    [...Buffer.from(of.bits, "latin1")].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits(narrow).startsWith(bits(wide).slice(0, wide.length));
}

const ids = (prefixes: readonly OrderedPrefix[]): string[] => prefixes.map(({ id }) => id).toSorted();

/** Few bits, so that prefixes hold each other often; bytes above 0x7f, where signs would matter. */
const PREFIXES = fc
  .record({
    value: fc.integer({ min: 0, max: 15 }),
    shift: fc.constantFrom(0, 4, 12, 20),
    length: fc.integer({ min: 0, max: BITS }),
  })
  .map(({ value, shift, length }) => prefix((value << shift) | 0x800000, length));

describe("prefixes in order", () => {
  test("find what holds a prefix and what is inside it, as looking at each does", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(PREFIXES, fc.boolean()), { maxLength: 40 }), PREFIXES, (steps, asked) => {
        const order = new PrefixOrder();
        const there = new Map<string, OrderedPrefix>();
        for (const [one, add] of steps) {
          if (add && !there.has(one.id)) {
            order.add(one);
            there.set(one.id, one);
          } else if (!add && there.delete(one.id)) order.remove(one);
        }
        const all = [...there.values()];
        assert.deepEqual(ids(order.covering(asked)), ids(all.filter((one) => holds(one, asked))));
        assert.deepEqual(ids(order.covered(asked)), ids(all.filter((one) => holds(asked, one))));
      }),
      { numRuns: 2000 },
    );
  });

  test("the prefix itself is in neither", () => {
    const order = new PrefixOrder();
    const one = prefix(0xabcdef, 12);
    order.add(one);
    assert.deepEqual([order.covering(one), order.covered(one)], [[], []]);
  });

  test("everything is inside the prefix of no bits", () => {
    const order = new PrefixOrder();
    const all = [prefix(0, 0), prefix(0xffffff, 24), prefix(0x800000, 1), prefix(0, 24)];
    for (const one of all) order.add(one);
    assert.equal(order.covered(prefix(0, 0)).length, 3);
    assert.equal(order.covering(prefix(0xffffff, 24)).length, 2);
  });
});
