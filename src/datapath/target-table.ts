/**
 * Which intercepts each key of the match maps leads to. The kernel takes the longest prefix only, so the value of a
 * prefix holds the intercepts of those around it too.
 */
import { Limits, Targets } from "./layout.gen.js";
import type { MatchKey, MatchMap } from "./matches.js";
import { DatapathError } from "./port.js";
import { type OrderedPrefix, orderedPrefix, PrefixOrder } from "./prefix-order.js";
import type { Sieve } from "./sieve.js";

/** What the table needs of a kernel map. */
export interface WritableMap {
  readonly maxEntries: number;
  lookup(key: Buffer): Buffer | undefined;
  update(key: Buffer, value: Buffer): void;
  delete(key: Buffer): boolean;
}

export type MatchMaps = Readonly<Record<MatchMap, WritableMap>>;

interface Entry {
  readonly match: MatchKey;
  readonly slots: readonly number[];
  readonly place?: OrderedPrefix;
}

const NO_TARGETS: readonly number[] = Array.from({ length: Limits.MAX_COPIES }, () => 0);

function encodeTargets(slots: readonly number[]): Buffer {
  return Targets.encode({ count: slots.length, intercept: [...slots, ...NO_TARGETS.slice(slots.length)] });
}

export class TargetTable {
  readonly #entries = new Map<string, Entry>();
  readonly #orders = { prefixes4: new PrefixOrder(), prefixes6: new PrefixOrder() };
  readonly #counts: Record<MatchMap, number> = { hosts4: 0, hosts6: 0, prefixes4: 0, prefixes6: 0, links: 0 };
  readonly #flagUses = new Map<number, number>();

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
    const before = this.#entries.get(match.id);
    const own = (before?.slots ?? []).filter((slot) => slot !== removed && slot !== added);
    const slots = added === undefined ? own : [...own, added];
    this.#write(match, before, slots);
  }

  /** Takes over what an earlier run left in the kernel, `slots` being those of this prefix itself. */
  adopt(match: MatchKey, slots: readonly number[]): void {
    if (isSieved(match)) this.sieve.add(match.key);
    this.#store(match, undefined, slots);
  }

  #write(match: MatchKey, before: Entry | undefined, slots: readonly number[]): void {
    if (this.#orderOf(match) === undefined) this.#setValue(match, slots);
    else this.#writeNested(match, before, slots);
    this.#store(match, before, slots);
  }

  /** A prefix, and those inside it; all of it or nothing. */
  #writeNested(match: MatchKey, before: Entry | undefined, slots: readonly number[]): void {
    const wanted = this.#values(match, before, slots);
    const undo: (() => void)[] = [];
    try {
      for (const { match: key, slots: value } of wanted) {
        const previous = wanted.length > 1 ? this.maps[key.map].lookup(key.key) : undefined;
        this.#setValue(key, value);
        undo.push(() => {
          if (previous) this.maps[key.map].update(key.key, previous);
          else this.maps[key.map].delete(key.key);
        });
      }
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw error;
    }
  }

  /** The kernel's values that change when `match` gets `slots`: its own, and those of the prefixes inside it. */
  #values(
    match: MatchKey,
    before: Entry | undefined,
    slots: readonly number[],
  ): { match: MatchKey; slots: number[] }[] {
    const order = this.#orderOf(match);
    if (order === undefined) return [{ match, slots: [...slots] }];
    const place = before?.place ?? orderedPrefix(match.id, match.key);
    const around = (of: OrderedPrefix): number[] =>
      order
        .covering(of)
        .flatMap((prefix) => (prefix.id === match.id ? [] : (this.#entries.get(prefix.id)?.slots ?? [])));
    const inside = order.covered(place).flatMap((prefix) => {
      const entry = this.#entries.get(prefix.id);
      return entry ? [{ match: entry.match, slots: unique([...entry.slots, ...around(prefix), ...slots]) }] : [];
    });
    const own = slots.length === 0 ? [] : unique([...slots, ...around(place)]);
    return [{ match, slots: own }, ...inside];
  }

  /** Undefined for the maps that find one key alone. */
  #orderOf({ map }: MatchKey): PrefixOrder | undefined {
    return map === "prefixes4" || map === "prefixes6" ? this.#orders[map] : undefined;
  }

  #setValue(key: MatchKey, slots: readonly number[]): void {
    const map = this.maps[key.map];
    const isThere = this.#entries.has(key.id);
    if (slots.length === 0) {
      map.delete(key.key);
      if (isThere && isSieved(key)) this.sieve.remove(key.key);
      return;
    }
    if (slots.length > Limits.MAX_COPIES)
      throw new DatapathError(
        "table-full",
        `A subscriber is under ${Limits.MAX_COPIES} intercepts already.`,
        "matches",
      );
    // Before the kernel is asked: what is written in batches is known to fit.
    if (!isThere && this.#counts[key.map] >= map.maxEntries)
      throw new DatapathError("table-full", `The table ${key.map} is full (${map.maxEntries} entries).`, "matches");
    // The bits first: a key in the table without them would not be found.
    if (!isThere && isSieved(key)) this.sieve.add(key.key);
    try {
      map.update(key.key, encodeTargets(slots));
    } catch (error) {
      if (!isThere && isSieved(key)) this.sieve.remove(key.key);
      throw error;
    }
  }

  #store(match: MatchKey, before: Entry | undefined, slots: readonly number[]): void {
    const order = this.#orderOf(match);
    const place = before?.place ?? (order && orderedPrefix(match.id, match.key));
    if (slots.length > 0) this.#entries.set(match.id, place ? { match, slots, place } : { match, slots });
    else this.#entries.delete(match.id);
    if (!before && slots.length > 0) {
      this.#counts[match.map]++;
      this.#flagUses.set(match.flag, (this.#flagUses.get(match.flag) ?? 0) + 1);
      if (place) order?.add(place);
    } else if (before && slots.length === 0) {
      this.#counts[match.map]--;
      const uses = (this.#flagUses.get(match.flag) ?? 1) - 1;
      if (uses === 0) this.#flagUses.delete(match.flag);
      else this.#flagUses.set(match.flag, uses);
      if (place) order?.remove(place);
    }
  }
}

function isSieved({ map }: MatchKey): boolean {
  return map === "hosts4" || map === "hosts6";
}

function unique(slots: readonly number[]): number[] {
  return [...new Set(slots)];
}
