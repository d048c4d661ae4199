/** What is to be reached, and whether it was. Pure. */
import { IN_USE, KEY_USES, type KeyUse, type LookupResult } from "./lookup.js";
import { isMix } from "./plan.js";
import type { Measured } from "./results.js";
import type { MeasuredPoint } from "./rounds.js";
import { pairwiseRatios, type Summary, summarize } from "./statistics.js";

export interface GoalResult {
  readonly what: string;
  readonly target: number;
  readonly best: "high" | "low";
  /** Undefined where it was not measured in this run. */
  readonly reached: Summary | undefined;
}

interface RatioGoal {
  readonly what: string;
  readonly case: string;
  readonly base: string;
  readonly target: number;
  readonly packetBytes: number;
  readonly share: number;
  readonly entries: number;
}

const ALL = { share: 1, entries: 1000 };

const RATIO_GOALS: readonly RatioGoal[] = [
  ...[128, 1400].map((packetBytes) => ({
    ...ALL,
    what: `tc, all mirrored, ${packetBytes} bytes, to mirred + VXLAN`,
    case: "tc",
    base: "mirred-vxlan",
    target: 1.5,
    packetBytes,
  })),
  ...[128, 1400].flatMap((packetBytes) => [
    {
      ...ALL,
      what: `xdp-tap, ${packetBytes} bytes, to mirred + VXLAN`,
      case: "xdp-tap",
      base: "mirred-vxlan",
      target: 9,
      packetBytes,
    },
    {
      ...ALL,
      what: `xdp-tap, ${packetBytes} bytes, to a bare XDP redirect`,
      case: "xdp-tap",
      base: "bare-redirect",
      target: 0.85,
      packetBytes,
    },
    {
      ...ALL,
      what: `xdp-forward, all mirrored, ${packetBytes} bytes, to mirred + VXLAN`,
      case: "xdp-forward",
      base: "mirred-vxlan",
      target: 3,
      packetBytes,
    },
    {
      ...ALL,
      what: `xdp-forward, all mirrored, ${packetBytes} bytes, to forwarding that mirrors nothing`,
      case: "xdp-forward",
      base: "forwarding-xdp-sinks",
      target: 1,
      packetBytes,
    },
  ]),
  {
    what: "tc, nothing mirrored, 100,000 entries, to plain forwarding",
    case: "tc",
    base: "forwarding",
    target: 0.98,
    packetBytes: 128,
    share: 0,
    entries: 100_000,
  },
];

function fits(goal: RatioGoal, { point }: MeasuredPoint): boolean {
  const { sizes, intercepted, flows } = point.traffic;
  const usual = Math.max(1024, goal.share === 0 ? point.entries : 0);
  const size = !isMix(sizes) && sizes[0] === goal.packetBytes;
  return size && intercepted === goal.share && point.entries === goal.entries && flows === usual;
}

function ratio(goal: RatioGoal, points: readonly MeasuredPoint[]): Summary | undefined {
  const measured = points.find((each) => fits(goal, each))?.measured ?? [];
  const find = (id: string): Measured | undefined => measured.find((each) => each.case.id === id);
  const [own, base] = [find(goal.case), find(goal.base)];
  if (!own || !base) return undefined;
  const handled = ({ samples }: Measured): number[] => samples.map(({ handledMpps }) => handledMpps);
  return summarize(pairwiseRatios(handled(own), handled(base)));
}

const KINDS_OF_KEYS: Readonly<Record<KeyUse, string>> = {
  random: "random keys",
  inUse: `the same ${IN_USE} keys`,
  cold: "cold caches",
};

function lookupGoal(what: string, lookups: readonly LookupResult[], of: (result: LookupResult) => number): GoalResult {
  const [one, million] = [1, 1_000_000].map((entries) => lookups.find((each) => each.entries === entries));
  const value = one && million ? of(million) / of(one) : undefined;
  const reached = value === undefined ? undefined : { median: value, low: value, high: value };
  return { what: `look-up ${what}, 1,000,000 entries to 1`, target: 1.3, best: "low", reached };
}

export function goalResults(points: readonly MeasuredPoint[], lookups: readonly LookupResult[]): GoalResult[] {
  return [
    ...RATIO_GOALS.map((goal) => ({
      what: goal.what,
      target: goal.target,
      best: "high" as const,
      reached: ratio(goal, points),
    })),
    ...KEY_USES.flatMap((use) => [
      lookupGoal(`that finds, ${KINDS_OF_KEYS[use]}`, lookups, (each) => each[use].hitNs),
      lookupGoal(`that finds nothing, ${KINDS_OF_KEYS[use]}`, lookups, (each) => each[use].missNs),
    ]),
  ];
}

export function isReached({ reached, target, best }: GoalResult): boolean {
  if (!reached) return false;
  return best === "high" ? reached.median >= target : reached.median <= target;
}
