/**
 * Which intercepts each key of the match maps leads to. The kernel takes the longest prefix only, so the value of a
 * prefix holds the intercepts of those around it too.
 */
import { Limits, Targets } from "./layout.gen.js";
import { keyBytes, kindOf, type MatchKey, type MatchMap, writeKey } from "./matches.js";
import { DatapathError } from "./port.js";
import { type OrderedPrefix, orderedPrefix, PrefixOrder } from "./prefix-order.js";
import type { Sieve } from "./sieve.js";

/** What the table needs of a kernel map. */
export interface WritableMap {
  readonly maxEntries: number;
  lookup(key: Buffer): Buffer | undefined;
  /** Copies both, so that the caller may use its buffers again. */
  update(key: Buffer, value: Buffer): void;
  delete(key: Buffer): boolean;
}

export type MatchMaps = Readonly<Record<MatchMap, WritableMap>>;

const NO_SLOTS: readonly number[] = [];
const PREFIX_MAPS = ["prefixes4", "prefixes6"] as const;

export class TargetTable {
  /** Slots of the intercepts of each key itself. */
  readonly #slots = new Map<MatchKey, readonly number[]>();
  readonly #orders = new Map<MatchMap, PrefixOrder>(PREFIX_MAPS.map((map) => [map, new PrefixOrder()]));
  readonly #counts: Record<MatchMap, number> = { hosts4: 0, hosts6: 0, prefixes4: 0, prefixes6: 0, links: 0 };
  readonly #flagUses = new Map<number, number>();
  /** Slots of the key that was added last, where it has one alone. */
  #alone: readonly number[] = NO_SLOTS;
  /** Where keys and values are laid out for the kernel. */
  readonly #keys = new Map<number, Buffer>();
  readonly #row = Buffer.alloc(Targets.size);
  readonly #targets: Targets = { count: 0, intercept: Array.from({ length: Limits.MAX_COPIES }, () => 0) };

  constructor(
    private readonly maps: MatchMaps,
    private readonly sieve: Pick<Sieve, "add" | "remove">,
  ) {}

  /** The config flags of the kinds of match that are in use. */
  get flags(): number {
    return [...this.#flagUses.keys()].reduce((all, flag) => all | flag, 0);
  }

  count(map: MatchMap): number {
    return this.#counts[map];
  }

  /**
   * Puts `added` in the place of `removed` (either may be absent) among the intercepts of `match`.
   * Throws DatapathError "table-full"; then nothing is changed.
   */
  change(match: MatchKey, added: number | undefined, removed: number | undefined): void {
    const before = this.#slots.get(match);
    const own = before?.filter((slot) => slot !== removed && slot !== added) ?? NO_SLOTS;
    const slots = added === undefined ? own : this.#withSlot(own, added);
    if (kindOf(match).way === "prefix") this.#writeNested(match, slots);
    else this.#setValue(match, slots);
    this.#store(match, before, slots);
  }

  /** Takes over what an earlier run left in the kernel, `slots` being those of this prefix itself. */
  adopt(match: MatchKey, slots: readonly number[]): void {
    if (kindOf(match).way === "host") this.sieve.add(this.#layKey(match));
    this.#store(match, undefined, slots);
  }

  /** A prefix, and those inside it; all of it or nothing. */
  #writeNested(match: MatchKey, slots: readonly number[]): void {
    const wanted = this.#nestedValues(match, slots);
    const map = this.maps[kindOf(match).map];
    const undo: (() => void)[] = [];
    try {
      for (const { key, value } of wanted) {
        const bytes = keyBytes(key);
        const previous = wanted.length > 1 ? map.lookup(bytes) : undefined;
        this.#setValue(key, value);
        undo.push(() => {
          if (previous) map.update(bytes, previous);
          else map.delete(bytes);
        });
      }
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw error;
    }
  }

  /** The kernel's values that change when a prefix gets `slots`: its own, and those of the prefixes inside it. */
  #nestedValues(match: MatchKey, slots: readonly number[]): { key: MatchKey; value: number[] }[] {
    const order = this.#orderOf(match);
    const place = placeOf(match);
    const slotsOf = ({ id }: OrderedPrefix): readonly number[] => this.#slots.get(id) ?? NO_SLOTS;
    const around = (of: OrderedPrefix): number[] =>
      order.covering(of).flatMap((prefix) => (prefix.id === match ? [] : slotsOf(prefix)));
    const inside = order.covered(place).map((prefix) => ({
      key: prefix.id,
      value: unique([...slotsOf(prefix), ...around(prefix), ...slots]),
    }));
    const own = slots.length === 0 ? [] : unique([...slots, ...around(place)]);
    return [{ key: match, value: own }, ...inside];
  }

  /** All but few keys have one slot, and the next key mostly the same: those share it. */
  #withSlot(slots: readonly number[], added: number): readonly number[] {
    if (slots.length > 0) return [...slots, added];
    if (this.#alone[0] !== added) this.#alone = [added];
    return this.#alone;
  }

  #orderOf(match: MatchKey): PrefixOrder {
    return this.#orders.get(kindOf(match).map) as PrefixOrder;
  }

  /** The key's bytes, until the next key is laid out. */
  #layKey(key: MatchKey): Buffer {
    const { keyBytes: size } = kindOf(key);
    let bytes = this.#keys.get(size);
    if (bytes === undefined) {
      bytes = Buffer.alloc(size);
      this.#keys.set(size, bytes);
    }
    writeKey(key, bytes);
    return bytes;
  }

  #layTargets(slots: readonly number[]): Buffer {
    const { intercept } = this.#targets;
    this.#targets.count = slots.length;
    for (let at = 0; at < intercept.length; at++) intercept[at] = slots[at] ?? 0;
    return Targets.encode(this.#targets, this.#row);
  }

  #setValue(match: MatchKey, slots: readonly number[]): void {
    const { map: name, way } = kindOf(match);
    const map = this.maps[name];
    const key = this.#layKey(match);
    const isThere = this.#slots.has(match);
    if (slots.length === 0) {
      map.delete(key);
      if (isThere && way === "host") this.sieve.remove(key);
      return;
    }
    if (slots.length > Limits.MAX_COPIES)
      throw new DatapathError(
        "table-full",
        `A subscriber is under ${Limits.MAX_COPIES} intercepts already.`,
        "matches",
      );
    // Before the kernel is asked: what is written in batches is known to fit.
    if (!isThere && this.#counts[name] >= map.maxEntries)
      throw new DatapathError("table-full", `The table ${name} is full (${map.maxEntries} entries).`, "matches");
    // The bits first: a key in the table without them would not be found.
    const isNewHost = !isThere && way === "host";
    if (isNewHost) this.sieve.add(key);
    try {
      map.update(key, this.#layTargets(slots));
    } catch (error) {
      if (isNewHost) this.sieve.remove(key);
      throw error;
    }
  }

  #store(match: MatchKey, before: readonly number[] | undefined, slots: readonly number[]): void {
    if (slots.length > 0) this.#slots.set(match, slots);
    else this.#slots.delete(match);
    if (!before && slots.length > 0) this.#count(match, 1);
    else if (before && slots.length === 0) this.#count(match, -1);
  }

  #count(match: MatchKey, by: 1 | -1): void {
    const { map, flag, way } = kindOf(match);
    this.#counts[map] += by;
    const uses = (this.#flagUses.get(flag) ?? 0) + by;
    if (uses === 0) this.#flagUses.delete(flag);
    else this.#flagUses.set(flag, uses);
    if (way !== "prefix") return;
    if (by > 0) this.#orderOf(match).add(placeOf(match));
    else this.#orderOf(match).remove(placeOf(match));
  }
}

function placeOf(prefix: MatchKey): OrderedPrefix {
  return orderedPrefix(prefix, keyBytes(prefix));
}

function unique(slots: readonly number[]): number[] {
  return [...new Set(slots)];
}
