/** What an earlier run left in the kernel's maps, read back into what the control plane knows of it. */
import type { BpfMap, LoadedObject } from "libbpf-ts";
import { Intercept, Targets } from "./layout.gen.js";
import { keyBytes, type MatchKey, type MatchMap, matchKeyFromBytes, prefixBits } from "./matches.js";
import { indexKey } from "./registers.js";

export interface AdoptedMatch {
  readonly match: MatchKey;
  readonly slots: readonly number[];
}

export interface AdoptedIntercept {
  readonly key: string;
  readonly slot: number;
  readonly device: number;
  /** 0: none. */
  readonly dropPolicy: number;
  readonly matches: readonly MatchKey[];
}

export interface Adopted {
  readonly matches: readonly AdoptedMatch[];
  readonly intercepts: readonly AdoptedIntercept[];
}

function readMatches(map: BpfMap, name: MatchMap): AdoptedMatch[] {
  const found: AdoptedMatch[] = [];
  for (const [key, value] of map.lookupBatch()) {
    const targets = Targets.decode(value);
    found.push({
      match: matchKeyFromBytes(name, key),
      slots: targets.intercept.slice(0, targets.count),
    });
  }
  return found;
}

/** Bits of a trie key's address and zone as text, cut to `length`. */
function bits(key: Buffer, length: number): string {
  let text = "";
  for (const byte of key.subarray(4)) text += byte.toString(2).padStart(8, "0");
  return text.slice(0, length);
}

/** A prefix's value in the kernel holds the intercepts of the prefixes around it too; those are not its own. */
function ownOnly(prefixes: readonly AdoptedMatch[]): AdoptedMatch[] {
  const byBits = new Map<string, readonly number[]>();
  const sorted = prefixes.toSorted((a, b) => prefixBits(a.match) - prefixBits(b.match));
  const lengths = [...new Set(sorted.map(({ match }) => prefixBits(match)))];
  return sorted.flatMap(({ match, slots }) => {
    const length = prefixBits(match);
    const all = bits(keyBytes(match), length);
    const around = new Set(
      lengths.filter((other) => other < length).flatMap((other) => byBits.get(all.slice(0, other)) ?? []),
    );
    const own = slots.filter((slot) => !around.has(slot));
    byBits.set(all, own);
    return own.length > 0 ? [{ match, slots: own }] : [];
  });
}

function readIntercept(map: BpfMap, slot: number, matches: readonly MatchKey[]): AdoptedIntercept | undefined {
  const bytes = map.lookup(indexKey(slot));
  if (!bytes) return undefined;
  const { key, device, drop_policy } = Intercept.decode(bytes);
  const end = key.indexOf(0);
  return {
    key: key.toString("ascii", 0, end < 0 ? key.length : end),
    slot,
    device,
    dropPolicy: drop_policy,
    matches,
  };
}

export function adopt(object: LoadedObject, maps: readonly MatchMap[]): Adopted {
  const matches = maps.flatMap((name) => {
    const found = readMatches(object.map(name), name);
    return name === "prefixes4" || name === "prefixes6" ? ownOnly(found) : found;
  });
  const bySlot = new Map<number, MatchKey[]>();
  for (const { match, slots } of matches)
    for (const slot of slots) {
      const list = bySlot.get(slot);
      if (list) list.push(match);
      else bySlot.set(slot, [match]);
    }
  const intercepts = [...bySlot].flatMap(([slot, own]) => readIntercept(object.map("intercepts"), slot, own) ?? []);
  return { matches, intercepts };
}
