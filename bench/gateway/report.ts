/** What a run of the gateway's bench says. Pure. */
import type { Machine } from "../machine.js";
import { markdownTable } from "../markdown-table.js";
import { pairwiseRatios, quantile, type Summary, summarize } from "../statistics.js";

/** One run: so many logins, sent as fast as they are answered, or at a rate. */
export interface Measured {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of what was asked, microseconds a login. */
  readonly cpu: number;
  /** Logins without an answer. */
  readonly lost: number;
}

export interface TargetRuns {
  readonly name: string;
  readonly full: readonly Measured[];
  readonly paced: readonly Measured[];
}

export interface GatewayRecord {
  readonly case: string;
  readonly rounds: number;
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly pacedP50Ms: number;
  readonly pacedP99Ms: number;
  /** Of FreeRADIUS's rate in the same round: the median, and the middle half of the rounds. */
  readonly ratioToFreeradius: Summary;
  /** Milliseconds over the p99 without a proxy in the same round. */
  readonly addedP99Ms: Summary;
  readonly lost: number;
}

export const NO_PROXY = "no proxy";
export const FREERADIUS = "FreeRADIUS, plain proxy";
export const GATEWAY = "the gateway";
export const STORING = "the gateway, events stored";

const WANTED_RATIO = 1;
const WANTED_ADDED_MS = 2;

function medianOf(runs: readonly Measured[], field: keyof Measured): number {
  return quantile(
    runs.map((run) => run[field]),
    0.5,
  );
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function middleOf(values: readonly number[]): Summary {
  const { median, low, high } = summarize(values);
  return { median: rounded(median, 2), low: rounded(low, 2), high: rounded(high, 2) };
}

export function gatewayRecords(targets: readonly TargetRuns[]): GatewayRecord[] {
  const runsOf = (name: string) => targets.find((each) => each.name === name);
  const rates = (runs: readonly Measured[] = []) => runs.map(({ perSecond }) => perSecond);
  const [direct, freeradius] = [runsOf(NO_PROXY), runsOf(FREERADIUS)];
  return targets.map(({ name, full, paced }) => ({
    case: name,
    rounds: paced.length,
    perSecond: Math.round(medianOf(full, "perSecond")),
    cpuUs: Math.round(medianOf(full, "cpu")),
    pacedP50Ms: rounded(medianOf(paced, "p50"), 2),
    pacedP99Ms: rounded(medianOf(paced, "p99"), 2),
    ratioToFreeradius: middleOf(pairwiseRatios(rates(full), rates(freeradius?.full))),
    addedP99Ms: middleOf(paced.map(({ p99 }, round) => p99 - (direct?.paced[round]?.p99 ?? 0))),
    lost: [...full, ...paced].reduce((sum, run) => sum + run.lost, 0),
  }));
}

function text({ median, low, high }: Summary): string {
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function goalTable(records: readonly GatewayRecord[]): string {
  const gateway = records.find((each) => each.case === GATEWAY);
  if (gateway === undefined) return "";
  const { ratioToFreeradius: ratio, addedP99Ms: added } = gateway;
  const rows = [
    ["logins a second, to FreeRADIUS's", `≥ ${WANTED_RATIO}`, text(ratio), verdict(ratio.median >= WANTED_RATIO)],
    ["p99 added, ms", `≤ ${WANTED_ADDED_MS}`, text(added), verdict(added.median <= WANTED_ADDED_MS)],
  ];
  return markdownTable(["goal", "", "reached (middle half of the rounds)", ""], rows);
}

function verdict(isReached: boolean): string {
  return isReached ? "met" : "**missed**";
}

/** The figures of docs/performance.md between the marks `gateway`. */
export function gatewayFigures(records: readonly GatewayRecord[], where: Machine): string {
  const { cpu, cores, kernel, date } = where;
  const rows = records.map((each) => [
    each.case,
    each.perSecond.toLocaleString("en-US"),
    text(each.ratioToFreeradius),
    String(each.cpuUs),
    each.pacedP50Ms.toFixed(2),
    each.pacedP99Ms.toFixed(2),
    text(each.addedP99Ms),
    String(each.lost),
  ]);
  const head = ["", "logins a second", "to FreeRADIUS's", "processor time, us a login"];
  const paced = ["at 1,000 a second: median, ms", "p99, ms", "p99 added, ms", "unanswered"];
  return [
    `${cpu}, ${cores} cores, ${kernel}, ${date.slice(0, 10)}; medians of ${records[0]?.rounds ?? 0} rounds.`,
    goalTable(records),
    markdownTable([...head, ...paced], rows),
  ].join("\n\n");
}
