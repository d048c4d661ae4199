import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ConfigFlags, Limits, Targets } from "../../../src/datapath/layout.gen.js";
import { keyBytes, kindOf, type MatchKey, type MatchMap, matchKey } from "../../../src/datapath/matches.js";
import { DatapathError } from "../../../src/datapath/port.js";
import { TargetTable } from "../../../src/datapath/target-table.js";
import type { SubscriberMatch } from "../../../src/intercepts/types.js";
import { parsePrefix } from "../../../src/net/addresses.js";
import { FakeMap } from "./fake-map.js";

const MAPS: readonly MatchMap[] = ["hosts4", "hosts6", "prefixes4", "prefixes6", "links"];

class Fixture {
  readonly maps = Object.fromEntries(MAPS.map((name) => [name, new FakeMap()])) as Record<MatchMap, FakeMap>;
  /** Keys whose bits are in the sieve. */
  readonly sieved = new Map<string, number>();
  readonly table = new TargetTable(this.maps, {
    add: (key) => this.#count(key, 1),
    remove: (key) => this.#count(key, -1),
  });

  content(): unknown {
    return {
      ...Object.fromEntries(MAPS.map((name) => [name, this.maps[name].content()])),
      sieve: Object.fromEntries(this.sieved),
    };
  }

  /** The intercepts that the kernel's map leads to from this very key. */
  targets(match: MatchKey): number[] | undefined {
    const value = this.maps[kindOf(match).map].lookup(keyBytes(match));
    if (!value) return undefined;
    const { count, intercept } = Targets.decode(value);
    return intercept.slice(0, count);
  }

  #count(key: Buffer, by: number): void {
    const id = key.toString("hex");
    const uses = (this.sieved.get(id) ?? 0) + by;
    if (uses === 0) this.sieved.delete(id);
    else this.sieved.set(id, uses);
  }
}

function key(match: SubscriberMatch): MatchKey {
  return matchKey(match, { zone: 0, ifindexOf: () => 7 }, "matches[0]");
}

const v4 = (prefix: string): MatchKey => key({ kind: "ipv4", prefix });
const v6 = (prefix: string): MatchKey => key({ kind: "ipv6", prefix });

describe("targets of hosts and links", () => {
  for (const match of [
    v4("192.0.2.1/32"),
    v6("2001:db8::1/128"),
    v6("2001:db8::/64"),
    key({ kind: "interface", name: "acc0" }),
  ])
    test(`${kindOf(match).map}: added, changed, removed`, () => {
      const { map, flag } = kindOf(match);
      const fixture = new Fixture();
      const empty = fixture.content();
      fixture.table.change(match, 5, undefined);
      fixture.table.change(match, 6, undefined);
      assert.deepEqual(fixture.targets(match), [5, 6]);
      fixture.table.change(match, 9, 5);
      assert.deepEqual(fixture.targets(match), [6, 9]);
      assert.equal(fixture.table.count(map), 1);
      assert.equal(fixture.table.flags, flag);
      fixture.table.change(match, undefined, 6);
      fixture.table.change(match, undefined, 9);
      assert.equal(fixture.targets(match), undefined);
      assert.equal(fixture.table.count(map), 0);
      assert.equal(fixture.table.flags, 0);
      assert.deepEqual(fixture.content(), empty);
    });

  test("the same intercept twice is there once", () => {
    const fixture = new Fixture();
    fixture.table.change(v4("192.0.2.1/32"), 5, undefined);
    fixture.table.change(v4("192.0.2.1/32"), 5, undefined);
    assert.deepEqual(fixture.targets(v4("192.0.2.1/32")), [5]);
  });

  test("taking away what is not there changes nothing", () => {
    const fixture = new Fixture();
    fixture.table.change(v4("192.0.2.1/32"), undefined, 5);
    fixture.table.change(v4("192.0.2.0/24"), undefined, 5);
    assert.deepEqual(fixture.content(), new Fixture().content());
  });

  test("a ninth intercept is refused, and the eight stay", () => {
    for (const match of [v4("192.0.2.1/32"), v4("192.0.2.0/24")]) {
      const fixture = new Fixture();
      for (let slot = 0; slot < Limits.MAX_COPIES; slot++) fixture.table.change(match, slot, undefined);
      const before = fixture.content();
      assert.throws(
        () => fixture.table.change(match, 100, undefined),
        (error) => error instanceof DatapathError && error.code === "table-full" && error.field === "matches",
      );
      assert.deepEqual(fixture.content(), before);
      fixture.table.change(match, 100, 0);
      assert.equal(fixture.targets(match)?.length, Limits.MAX_COPIES);
    }
  });

  test("a full map refuses a new key and takes a change of one that it has", () => {
    const fixture = new Fixture();
    const full = new FakeMap(1);
    const table = new TargetTable({ ...fixture.maps, hosts4: full }, { add() {}, remove() {} });
    table.change(v4("192.0.2.1/32"), 1, undefined);
    assert.throws(
      () => table.change(v4("192.0.2.2/32"), 1, undefined),
      (error) => error instanceof DatapathError && error.code === "table-full" && /hosts4/.test(error.message),
    );
    table.change(v4("192.0.2.1/32"), 2, undefined);
    table.change(v4("192.0.2.1/32"), undefined, 1);
    table.change(v4("192.0.2.1/32"), undefined, 2);
    table.change(v4("192.0.2.2/32"), 1, undefined);
  });

  test("a refusal by the kernel leaves maps and sieve as they were", () => {
    const fixture = new Fixture();
    fixture.table.change(v4("192.0.2.1/32"), 1, undefined);
    const before = fixture.content();
    fixture.maps.hosts4.updatesLeft = 0;
    assert.throws(() => fixture.table.change(v4("192.0.2.2/32"), 2, undefined));
    fixture.maps.hosts4.updatesLeft = 0;
    assert.throws(() => fixture.table.change(v4("192.0.2.1/32"), 2, undefined));
    assert.deepEqual(fixture.content(), before);
    assert.equal(fixture.table.count("hosts4"), 1);
    assert.equal(fixture.table.flags, ConfigFlags.CONFIG_HOSTS4);
  });
});

/** Prefixes that hold each other often, of both families. */
const NESTED = [
  ...["0.0.0.0/0", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25", "192.0.2.0/30", "192.0.2.0/31", "198.51.100.0/24"],
  ...["::/0", "2001:db8::/32", "2001:db8::/33", "2001:db8:8000::/33", "2001:db8::/127"],
];
const prefixKey = (prefix: string): MatchKey => (prefix.includes(":") ? v6(prefix) : v4(prefix));

/** `wide` holds `narrow`, or is it. */
function holds(wide: string, narrow: string): boolean {
  const [a, b] = [parsePrefix(wide), parsePrefix(narrow)];
  assert.ok(!("problem" in a) && !("problem" in b));
  if (a.family !== b.family || a.length > b.length) return false;
  const bits = (bytes: Buffer) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits(b.bytes).startsWith(bits(a.bytes).slice(0, a.length));
}

interface Step {
  readonly prefix: string;
  readonly added: number | undefined;
  readonly removed: number | undefined;
  /** The update of a kernel map that is refused, counted from 0; absent: none is. */
  readonly refuse?: number;
}

const slot = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
const STEPS = fc.array(
  fc.record(
    { prefix: fc.constantFrom(...NESTED), added: slot, removed: slot, refuse: fc.nat(6) },
    { requiredKeys: ["prefix", "added", "removed"] },
  ) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

/** Own intercepts of each prefix, kept naively. */
class Model {
  readonly own = new Map<string, number[]>();

  after({ prefix, added, removed }: Step): Model {
    const next = new Model();
    for (const [name, slots] of this.own) next.own.set(name, [...slots]);
    const kept = (next.own.get(prefix) ?? []).filter((one) => one !== added && one !== removed);
    const slots = added === undefined ? kept : [...kept, added];
    if (slots.length > 0) next.own.set(prefix, slots);
    else next.own.delete(prefix);
    return next;
  }

  /** What the longest match must lead to, in no order. */
  targets(prefix: string): number[] | undefined {
    if (!this.own.has(prefix)) return undefined;
    const all = [...this.own].filter(([wide]) => holds(wide, prefix)).flatMap(([, slots]) => slots);
    return [...new Set(all)].toSorted((a, b) => a - b);
  }

  /** No prefix leads to more than the kernel can copy. */
  get fits(): boolean {
    return NESTED.every((prefix) => (this.targets(prefix)?.length ?? 0) <= Limits.MAX_COPIES);
  }
}

describe("targets of prefixes", () => {
  test("are those of the prefixes around too, whatever was added, removed or refused", () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const fixture = new Fixture();
        let model = new Model();
        for (const step of steps) {
          const next = model.after(step);
          const before = fixture.content();
          for (const map of ["prefixes4", "prefixes6"] as const)
            fixture.maps[map].updatesLeft = step.refuse ?? Number.POSITIVE_INFINITY;
          let refused = false;
          try {
            fixture.table.change(prefixKey(step.prefix), step.added, step.removed);
          } catch {
            refused = true;
          }
          if (refused) {
            assert.ok(step.refuse !== undefined || !next.fits, "refused without a reason");
            assert.deepEqual(fixture.content(), before);
          } else model = next;
          for (const prefix of NESTED)
            assert.deepEqual(
              fixture.targets(prefixKey(prefix))?.toSorted((a, b) => a - b),
              model.targets(prefix),
              prefix,
            );
        }
        const count = [...model.own.keys()].length;
        assert.equal(fixture.table.count("prefixes4") + fixture.table.count("prefixes6"), count);
      }),
      { numRuns: 300 },
    );
  });
});
