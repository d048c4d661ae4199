/**
 * `make bench`: measures mirroring, ours and others', side by side. QUICK=1 measures less.
 * Writes results.json, lookups.json and the charts of the README.
 */
import { existsSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CaseContext, caseOf } from "./cases/all.js";
import type { Case } from "./cases/case.js";
import { CoreClock } from "./core-time.js";
import { drawCharts, writeFigures, writeResults } from "./files.js";
import { Generator } from "./generator.js";
import { goalResults } from "./goals.js";
import { type LookupResult, measureLookups } from "./lookup.js";
import { type Machine, machine } from "./machine.js";
import type { Run } from "./markdown.js";
import { Meter } from "./measure.js";
import { command, pinToCpu } from "./namespaces.js";
import { fullPlan, type Plan, type Point, quickPlan } from "./plan.js";
import { Progress } from "./progress.js";
import { resultsOf } from "./results.js";
import type { Rig } from "./rig.js";
import { Rigs } from "./rigs.js";
import { type MeasuredPoint, type Prepared, runRounds } from "./rounds.js";
import { quantile } from "./statistics.js";
import { goalTable, lookupTable, type Paint, paintFor, pointTable } from "./table.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OBJECTS = join(ROOT, "build/bench");
const WARM_UP_PACKETS = 20_000;
/** What other processes leave in the caches disturbs, also where their time is not counted. */
const BUSY = 0.05;

interface Cores {
  /** Generates, forwards and mirrors. */
  readonly measured: number;
  /** Is left to everything else, and to the mirror in user space. */
  readonly other: number;
}

async function prepare(plan: Plan, rigs: Rigs, context: CaseContext): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const point of plan.points) prepared.push({ point, cases: await casesAt(point, rigs, context) });
  return prepared;
}

async function casesAt(point: Point, rigs: Rigs, context: CaseContext): Promise<Prepared["cases"]> {
  const cases: { case: Case; rig: Rig }[] = [];
  for (const id of point.cases) {
    const wanted = caseOf(id, point.entries, context);
    const rig = await rigs.rigOf(wanted);
    if (rig) cases.push({ case: wanted, rig });
  }
  return cases;
}

async function measureAll(plan: Plan, cores: Cores): Promise<MeasuredPoint[]> {
  const objectPath = join(OBJECTS, "rig.o");
  using rigs = new Rigs(objectPath);
  using generator = new Generator(objectPath);
  process.stderr.write("setting up\n");
  const prepared = await prepare(plan, rigs, {
    objectDirectory: join(ROOT, "build/bpf"),
    userspaceProgram: join(OBJECTS, "userspace-mirror"),
    secondCpu: cores.other,
  });
  pinToCpu(cores.measured);
  const timing = { durationMs: plan.durationMs, warmUpPackets: WARM_UP_PACKETS };
  const meter = new Meter(generator, new CoreClock(cores.measured), timing);
  const total = plan.rounds * prepared.reduce((sum, { cases }) => sum + cases.length, 0);
  return await runRounds(prepared, plan.rounds, meter, new Progress(total));
}

function describe(plan: Plan, cores: Cores, { cpu, cores: count, kernel }: Machine): string {
  return [
    `${cpu}, ${count} cores, ${kernel}.`,
    `CPU ${cores.measured} generates, forwards and mirrors; CPU ${cores.other} is left to everything else.`,
    "Counted is what arrived at the sinks, in million packets a second of core time; the generator's and the sinks'",
    `own work is in it. Medians of ${plan.rounds} rounds, in brackets the middle half of them.`,
    "",
  ].join("\n");
}

function summarizeRun(
  plan: Plan,
  here: Machine,
  points: readonly MeasuredPoint[],
  lookups: readonly LookupResult[],
): Run {
  const samples = points.flatMap(({ measured }) => measured.flatMap((each) => each.samples));
  return {
    machine: here,
    rounds: plan.rounds,
    takenAway: quantile(
      samples.map((each) => each.takenAway),
      0.5,
    ),
    goals: goalResults(points, lookups),
    results: points.flatMap(({ point, measured }) => resultsOf(point, measured)),
    lookups,
  };
}

function printReport(points: readonly MeasuredPoint[], run: Run, paint: Paint): void {
  for (const each of points) process.stdout.write(`\n${pointTable(each, resultsOf(each.point, each.measured), paint)}`);
  process.stdout.write(`\n${lookupTable(run.lookups, paint)}\n${goalTable(run.goals, paint)}\n`);
  const warning = run.takenAway > BUSY ? " The figures are rough: measure again on a quiet machine." : "";
  const share = (run.takenAway * 100).toFixed(1);
  process.stdout.write(`Other processes had the measured core for ${share} % of the time.${warning}\n`);
}

/** Charts and document show full runs only. */
function write(run: Run, isQuick: boolean): void {
  writeResults(ROOT, run.results, run.machine);
  writeFileSync(join(ROOT, "bench/lookups.json"), `${JSON.stringify(run.lookups, undefined, 2)}\n`);
  if (isQuick) return;
  drawCharts(ROOT, run.results);
  writeFigures(ROOT, run);
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new Error("The bench makes network namespaces and loads eBPF: run it as root.");
  if (!existsSync(join(ROOT, "build/bpf/tc.o")))
    throw new Error('The eBPF objects are not there: run "make all" first.');
}

async function main(): Promise<number> {
  requireRoot();
  command("make", "-s", "-C", join(ROOT, "bench"));
  const isQuick = process.env["QUICK"] === "1";
  const plan = isQuick ? quickPlan() : fullPlan();
  const cores = { measured: availableParallelism() - 1, other: 0 };
  // Before this process keeps to one core: it sees no other then.
  const here = machine();
  process.stdout.write(describe(plan, cores, here));
  const points = await measureAll(plan, cores);
  const lookups = measureLookups(join(OBJECTS, "lookup.o"), plan.lookupEntries, plan.rounds);
  const run = summarizeRun(plan, here, points, lookups);
  printReport(points, run, paintFor(process.stdout.isTTY));
  write(run, isQuick);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
