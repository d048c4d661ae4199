/** The figures of docs/performance.md, written by each full run between two marks. Pure. */
import { type GoalResult, isReached } from "./goals.js";
import { IN_USE, KEY_USES, type LookupResult } from "./lookup.js";
import type { Machine } from "./machine.js";
import { markdownTable } from "./markdown-table.js";
import { costsOf, type Node, needs } from "./model.js";
import { DEFAULT_ENTRIES } from "./plan.js";
import type { Result } from "./results.js";

export interface Run {
  readonly machine: Machine;
  readonly rounds: number;
  /** Share of the time in which other processes had the measured core. */
  readonly takenAway: number;
  readonly goals: readonly GoalResult[];
  readonly results: readonly Result[];
  readonly lookups: readonly LookupResult[];
}

const FLOWS = 1024;
const ENTRIES = [1, 1000, 100_000, 1_000_000];

function conditions({ machine, rounds, takenAway }: Run): string {
  const { cpu, cores, kernel, date } = machine;
  const share = (takenAway * 100).toFixed(1);
  return (
    `${cpu}, ${cores} cores, ${kernel}, ${date.slice(0, 10)}; medians of ${rounds} rounds. ` +
    `Other processes had the measured core for ${share} % of the time.`
  );
}

function goalTable(goals: readonly GoalResult[]): string {
  const rows = goals.map((goal) => {
    const { what, target, best, reached } = goal;
    const bound = `${best === "high" ? "≥" : "≤"} ${target}`;
    if (!reached) return [what, bound, "not measured", ""];
    const { median, low, high } = reached;
    const value = `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
    return [what, bound, value, isReached(goal) ? "met" : "missed"];
  });
  return markdownTable(["goal", "", "reached (middle half of the rounds)", ""], rows);
}

function ratio(value: number | null): string {
  return value === null ? "-" : value.toFixed(2);
}

function casesTable(results: readonly Result[], packetBytes: number): string {
  const fits = (each: Result): boolean =>
    each.packetBytes === packetBytes &&
    !each.mix &&
    each.mirroredShare === 1 &&
    each.flows === FLOWS &&
    each.subscribers === DEFAULT_ENTRIES;
  const rows = results
    .filter(fits)
    .map((each) => [
      `\`${each.case}\``,
      each.forwardedMpps.toFixed(3),
      each.mirroredMpps.toFixed(3),
      (1000 / each.handledMpps).toFixed(0),
      each.mirrorNs === null ? "-" : String(each.mirrorNs),
      `${(each.copiesArrived * 100).toFixed(0)} %`,
      ratio(each.ratioToForwarding),
      ratio(each.ratioToMirred),
    ]);
  const head = ["case", "forwarded, Mpps", "copies, Mpps", "ns a packet", "of that, for the mirror"];
  return markdownTable([...head, "copies that arrived", "to forwarding", "to mirred"], rows);
}

function entriesTable(results: readonly Result[]): string {
  const rows = ENTRIES.map((entries) => {
    const flows = Math.max(FLOWS, entries);
    const at = (mirroredShare: number): Result | undefined =>
      results.find(
        (each) =>
          each.case === "tc" &&
          each.entries === entries &&
          each.mirroredShare === mirroredShare &&
          each.flows === flows &&
          each.packetBytes === 128,
      );
    const ns = (each: Result | undefined): string => (each ? (1000 / each.handledMpps).toFixed(0) : "-");
    return [
      entries.toLocaleString("en"),
      `${ns(at(0))} (${ratio(at(0)?.ratioToForwarding ?? null)})`,
      `${ns(at(1))} (${ratio(at(1)?.ratioToForwarding ?? null)})`,
    ];
  });
  return markdownTable(
    ["intercepts", "`tc`, nothing mirrored: ns (to forwarding)", "`tc`, all mirrored: ns (to forwarding)"],
    rows,
  );
}

function lookupTable(lookups: readonly LookupResult[]): string {
  const rows = lookups.map((each) => [
    each.entries.toLocaleString("en"),
    ...KEY_USES.flatMap((use) => [each[use].hitNs.toFixed(0), each[use].missNs.toFixed(0)]),
  ]);
  const head = ["random keys: finds", "finds nothing", `${IN_USE} keys in use: finds`, "finds nothing"];
  return markdownTable(["entries", ...head, "cold caches: finds", "finds nothing"], rows);
}

const NODE: Omit<Node, "share"> = { gbps: 100, utilization: 0.7 };

function modelTable(results: readonly Result[]): string {
  const rows = (["tc", "xdp-forward"] as const).flatMap((mode) =>
    [356, 1400].flatMap((bytes) =>
      [0.01, 1].flatMap((share) => {
        const costs = costsOf(results, mode, bytes);
        if (!costs) return [];
        const { mpps, cores, mediationGbps, pcieGbps, memoryGBps } = needs({ ...NODE, share }, bytes, costs);
        const numbers = [mpps, cores, mediationGbps, pcieGbps, memoryGBps].map((value) => value.toFixed(1));
        return [[`\`${mode}\``, String(bytes), `${share * 100} %`, ...numbers]];
      }),
    ),
  );
  const head = ["mode", "bytes", "mirrored", "Mpps", "cores", "to mediation, Gb/s", "PCIe, Gb/s", "memory, GB/s"];
  return markdownTable(head, rows);
}

export function figures(run: Run): Readonly<Record<"results" | "model", string>> {
  const results = [
    conditions(run),
    goalTable(run.goals),
    "Everything mirrored, 1024 flows, 128 bytes:",
    casesTable(run.results, 128),
    "1400 bytes:",
    casesTable(run.results, 1400),
    "128 bytes, each packet of a subscriber at random among as many as there are intercepts:",
    entriesTable(run.results),
    "One look-up (sieve and table), ns:",
    lookupTable(run.lookups),
  ];
  return { results: results.join("\n\n"), model: modelTable(run.results) };
}

/** Puts `content` between the marks `<!-- NAME -->` and `<!-- /NAME -->`. Throws where they are not there. */
export function replaceBlock(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [begin, end] = [text.indexOf(open), text.indexOf(close)];
  if (begin < 0 || end < begin) throw new Error(`The marks ${open} and ${close} are not there.`);
  return `${text.slice(0, begin + open.length)}\n\n${content}\n\n${text.slice(end)}`;
}
