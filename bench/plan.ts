/** Which cases meet which traffic: slices through the space of sizes, flows, shares and entries. Pure. */
import type { TrafficSpec } from "./generator.js";

/** 7:4:1 of frames that carry 50, 562 and 1500 bytes of IP. */
const IMIX: readonly number[] = [64, 64, 576, 64, 64, 576, 64, 576, 64, 64, 576, 1514];
/** Each flow has a subscriber of its own, as far as there are that many. */
const DEFAULT_FLOWS = 1024;
export const DEFAULT_ENTRIES = 1000;
const ENTRIES = [1, DEFAULT_ENTRIES, 100_000, 1_000_000];
const SMALL = [128];

export interface Point {
  readonly traffic: TrafficSpec;
  /** Of the intercepts in our own cases. */
  readonly entries: number;
  /** Ids of cases, each once. */
  readonly cases: readonly string[];
}

export interface Plan {
  readonly points: readonly Point[];
  readonly rounds: number;
  /** Core time of one measurement. */
  readonly durationMs: number;
  /** Entries of the tables in which single lookups are timed. */
  readonly lookupEntries: readonly number[];
}

const EVERYTHING: readonly string[] = [
  "forwarding",
  "tc",
  "bare-clone",
  "mirred-vxlan",
  "nft-dup",
  "iptables-tee",
  "userspace",
  "forwarding-xdp-sinks",
  "xdp-forward",
  "xdp-tap",
  "bare-redirect",
];
const FORWARDING = [
  "forwarding",
  "tc",
  "mirred-vxlan",
  "nft-dup",
  "iptables-tee",
  "forwarding-xdp-sinks",
  "xdp-forward",
];
const TABLES = ["forwarding", "bare-tcx", "tc", "mirred-vxlan"];
const XDP = ["forwarding-xdp-sinks", "xdp-forward"];
const FILTERS = [...XDP, "mirred-vxlan-list", "mirred-vxlan-hash"];
/** Beyond, filling the table twice takes longer than it is worth. */
const LARGE = 100_000;

function point(
  sizes: readonly number[],
  change: Partial<TrafficSpec>,
  entries: number,
  cases: readonly string[],
): Point {
  const flows = change.flows ?? DEFAULT_FLOWS;
  return { traffic: { sizes, flows, intercepted: 1, subscribers: entries, ...change }, entries, cases };
}

/** Each packet is of a subscriber at random, among as many as there are entries. */
function tables(entries: number, intercepted: number): Point {
  const flows = Math.max(entries, DEFAULT_FLOWS);
  const more = entries === DEFAULT_ENTRIES ? FILTERS : entries <= LARGE ? XDP : [];
  return point(SMALL, { flows, intercepted }, entries, [...TABLES, ...more]);
}

function keyOf({ traffic, entries }: Point): string {
  return JSON.stringify([traffic, entries]);
}

/** Points with the same traffic and entries become one. */
function merged(points: readonly Point[]): Point[] {
  const byKey = new Map<string, Point>();
  for (const each of points) {
    const before = byKey.get(keyOf(each));
    byKey.set(keyOf(each), before ? { ...before, cases: [...new Set([...before.cases, ...each.cases])] } : each);
  }
  return [...byKey.values()];
}

export function fullPlan(): Plan {
  const sizes = [[64], [128], [512], [1400], IMIX].map((size) => point(size, {}, DEFAULT_ENTRIES, EVERYTHING));
  const shares = [0, 0.01, 0.1, 1].map((intercepted) => point(SMALL, { intercepted }, DEFAULT_ENTRIES, FORWARDING));
  const flows = [1, 64, 1024].map((count) => point(SMALL, { flows: count }, DEFAULT_ENTRIES, FORWARDING));
  const entries = ENTRIES.flatMap((count) => [tables(count, 1), tables(count, 0)]);
  const points = merged([...sizes, ...shares, ...flows, ...entries]);
  return { points, rounds: 7, durationMs: 200, lookupEntries: ENTRIES };
}

export function quickPlan(): Plan {
  const sizes = [[128], [1400]].map((size) => point(size, {}, DEFAULT_ENTRIES, EVERYTHING));
  const points = merged([...sizes, tables(LARGE, 0)]);
  return { points, rounds: 5, durationMs: 80, lookupEntries: ENTRIES.filter((count) => count <= LARGE) };
}

export function meanSize(sizes: readonly number[]): number {
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
}

export function isMix(sizes: readonly number[]): boolean {
  return new Set(sizes).size > 1;
}
