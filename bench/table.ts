/** The results as tables for a terminal. */
import Table from "cli-table3";
import { type GoalResult, isReached } from "./goals.js";
import { KEY_USES, type KeyUse, type LookupResult } from "./lookup.js";
import type { Range, Result } from "./results.js";
import type { MeasuredPoint } from "./rounds.js";

const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};
/** Columns with nothing but blanks between them. */
export const PLAIN_TABLE = {
  chars: NO_LINES,
  style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
};

export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly bold: (text: string) => string;
}

const sgr = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const asIs = (text: string): string => text;

/** Colours on a terminal only. */
export function paintFor(isTerminal: boolean): Paint {
  if (!isTerminal || process.env["NO_COLOR"]) return { good: asIs, bad: asIs, bold: asIs };
  return { good: sgr(32), bad: sgr(31), bold: sgr(1) };
}

const LABELS: Readonly<Record<KeyUse, string>> = {
  random: "random keys",
  inUse: "keys in use",
  cold: "cold caches",
};

function ratioText(value: number | null, spread: Range | null): string {
  if (value === null || spread === null) return "-";
  return `${value.toFixed(2)} (${spread[0].toFixed(2)}-${spread[1].toFixed(2)})`;
}

function heading({ point }: MeasuredPoint, first: Result): string {
  const size = first.mix ? `IMIX, ${first.packetBytes} bytes on average` : `${first.packetBytes} bytes`;
  const share = `${point.traffic.intercepted * 100} % under intercept`;
  return `${size}, ${point.traffic.flows} flows, ${share}, ${point.entries} entries`;
}

export function pointTable(measured: MeasuredPoint, results: readonly Result[], paint: Paint): string {
  const [first] = results;
  if (!first) return "";
  const table = new Table({
    head: ["", "forwarded", "mirrored", "ns/packet", "for the mirror", "lost", "copies", "to forwarding", "to mirred"],
    colAligns: ["left", "right", "right", "right", "right", "right", "right", "right", "right"],
    ...PLAIN_TABLE,
  });
  results.forEach((result, index) => {
    table.push([
      `  ${measured.measured[index]?.case.title ?? result.case}`,
      result.forwardedMpps.toFixed(3),
      result.mirroredMpps.toFixed(3),
      (1000 / result.handledMpps).toFixed(0),
      result.mirrorNs === null ? "-" : String(result.mirrorNs),
      `${(result.lost * 100).toFixed(1)} %`,
      `${(result.copiesArrived * 100).toFixed(1)} %`,
      ratioText(result.ratioToForwarding, result.spread.ratioToForwarding),
      ratioText(result.ratioToMirred, result.spread.ratioToMirred),
    ]);
  });
  return `${paint.bold(heading(measured, first))}\n${table.toString()}\n`;
}

export function lookupTable(lookups: readonly LookupResult[], paint: Paint): string {
  const head = KEY_USES.flatMap((use) => [`${LABELS[use]}: finds, ns`, "finds nothing, ns"]);
  const table = new Table({ head: ["  entries", ...head], ...PLAIN_TABLE });
  for (const each of lookups)
    table.push([
      `  ${each.entries}`,
      ...KEY_USES.flatMap((use) => [each[use].hitNs.toFixed(1), each[use].missNs.toFixed(1)]),
    ]);
  return `${paint.bold("One look-up, by entries in the table")}\n${table.toString()}\n`;
}

export function goalTable(goals: readonly GoalResult[], paint: Paint): string {
  const table = new Table({ head: ["", "goal", "reached", ""], ...PLAIN_TABLE });
  for (const goal of goals) {
    const bound = `${goal.best === "high" ? ">=" : "<="} ${goal.target}`;
    if (!goal.reached) {
      table.push([`  ${goal.what}`, bound, "not measured", ""]);
      continue;
    }
    const { median, low, high } = goal.reached;
    const reached = `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
    table.push([`  ${goal.what}`, bound, reached, isReached(goal) ? paint.good("met") : paint.bad("missed")]);
  }
  return `${paint.bold("Goals")}\n${table.toString()}\n`;
}
