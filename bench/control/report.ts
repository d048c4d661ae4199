/** What the document and its charts say of a run. Pure. */
import { lineChart } from "../chart-kinds.js";
import type { ChartFile } from "../charts.js";
import type { Machine } from "../machine.js";
import { markdownTable } from "../markdown-table.js";
import { quantile } from "../statistics.js";
import type { ControlRecord } from "./records.js";

interface Goal {
  readonly what: string;
  readonly case: string;
  readonly n?: number;
  readonly of: "p50" | "p99";
  readonly best: "high" | "low";
  readonly target: number;
}

const GOALS: readonly Goal[] = [
  { what: "events a second", case: "events: interim updates", of: "p50", best: "high", target: 50_000 },
  { what: "CoA to first mirrored packet", case: "CoA to first mirrored packet", of: "p99", best: "low", target: 5 },
  {
    what: "the same in strict mode",
    case: "CoA to first mirrored packet, strict mode",
    of: "p99",
    best: "low",
    target: 5,
  },
  { what: "100,000 intercepts active", case: "activation", n: 100_000, of: "p50", best: "low", target: 2 },
  { what: "1,000,000 sessions rebuilt", case: "rebuild", n: 1_000_000, of: "p50", best: "low", target: 20 },
  { what: "resident then", case: "resident", n: 1_000_000, of: "p50", best: "low", target: 1024 },
];

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function find(records: readonly ControlRecord[], name: string, n?: number): ControlRecord | undefined {
  return records.find((each) => each.case === name && (n === undefined || each.n === n));
}

function goalRow(goal: Goal, records: readonly ControlRecord[]): string[] {
  const found = find(records, goal.case, goal.n);
  if (found === undefined) return [goal.what, "", "not measured", ""];
  const value = found[goal.of];
  const isReached = goal.best === "high" ? value >= goal.target : value <= goal.target;
  const sign = goal.best === "high" ? "at least" : "at most";
  const place = goal.of === "p99" ? "p99 " : "";
  return [
    goal.what,
    `${place}${sign} ${count(goal.target)} ${found.unit}`,
    `${count(value)} ${found.unit}`,
    isReached ? "yes" : "**no**",
  ];
}

/** The figures of docs/performance.md between the marks `control`. */
export function controlFigures(records: readonly ControlRecord[], machine: Machine): string {
  const rows = records.map(({ case: name, n, unit, p50, p99, load }) => [
    name,
    count(n),
    unit,
    count(p50),
    count(p99),
    load === undefined ? "" : String(load),
  ]);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, ${machine.date.slice(0, 10)}. The load is the system's load average when the case was measured, the bench's own included: above the number of cores, the programs waited for others, and times say less of them than processor times do.`,
    markdownTable(
      ["goal", "wanted", "reached", ""],
      GOALS.map((goal) => goalRow(goal, records)),
    ),
    markdownTable(["case", "n", "unit", "median", "p99, or the worst of few", "load"], rows),
  ].join("\n\n");
}

const SHARES = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
const BLUE = "#2f81f7";
const GREY = "#8b949e";

function distribution(records: readonly ControlRecord[]): ChartFile[] {
  const found = find(records, "CoA to first mirrored packet");
  const samples = found?.samples;
  if (found === undefined || samples === undefined) return [];
  const svg = lineChart({
    title: "From a CoA-Request on the wire to the first mirrored packet",
    subtitle: `Milliseconds; ${found.n} requests; a packet of the subscriber every millisecond in either direction`,
    steps: SHARES.map((share) => (share === 1 ? "all" : `${share * 100} %`)),
    stepsTitle: "of the requests took at most",
    series: [
      { label: "submirror", colour: BLUE, values: SHARES.map((share) => quantile(samples, share)) },
      { label: "goal for 99 %", colour: GREY, dashed: true, values: SHARES.map(() => 5) },
    ],
  });
  return [{ name: "control-activation.svg", svg }];
}

function bySize(
  records: readonly ControlRecord[],
  file: string,
  name: string,
  text: { readonly title: string; readonly subtitle: string; readonly goal: string },
  goal: number,
): ChartFile[] {
  const sizes = records.filter((each) => each.case === name);
  if (sizes.length < 2) return [];
  const svg = lineChart({
    ...text,
    steps: sizes.map(({ n }) => count(n)),
    stepsTitle: "sessions",
    series: [
      { label: "submirror agent", colour: BLUE, values: sizes.map(({ value }) => value) },
      { label: text.goal, colour: GREY, dashed: true, values: sizes.map(() => goal) },
    ],
  });
  return [{ name: file, svg }];
}

export function controlCharts(records: readonly ControlRecord[]): ChartFile[] {
  const rebuild = {
    title: "A node that has never run reads its sessions",
    subtitle: "Seconds from the start of the process until it serves; session records in JetStream on the same machine",
    goal: "goal for 1,000,000",
  };
  const resident = {
    title: "Resident memory of the agent, by sessions known",
    subtitle: "MiB, when it has read them",
    goal: "goal for 1,000,000",
  };
  return [
    ...distribution(records),
    ...bySize(records, "control-rebuild.svg", "rebuild", rebuild, 20),
    ...bySize(records, "control-memory.svg", "resident", resident, 1024),
  ];
}
