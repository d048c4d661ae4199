/**
 * Some cases side by side, for whoever changes the datapath: the same rig and rounds as the bench, one traffic.
 * `--case tc=/another/tree` is the case as another build of this repository has it. Ratios are to the first case.
 */
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { caseOf } from "./cases/all.js";
import type { Case } from "./cases/case.js";
import { CoreClock } from "./core-time.js";
import { Generator } from "./generator.js";
import { Meter } from "./measure.js";
import { pinToCpu } from "./namespaces.js";
import type { Point } from "./plan.js";
import { Progress } from "./progress.js";
import type { Measured } from "./results.js";
import { Rigs } from "./rigs.js";
import { type Prepared, runRounds } from "./rounds.js";
import { pairwiseRatios, summarize } from "./statistics.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WARM_UP_PACKETS = 20_000;
const USAGE = `Usage: compare --case CASE[=TREE] [--case ...] [--bytes 128] [--share 1] [--entries 1000] [--flows 1024]
               [--rounds 9] [--ms 150]
TREE: the folder of another, built copy of this repository. Cases: see profile --help.`;

/** The id names the build too, so that each has a rig of its own. */
function wantedCase(text: string, entries: number): Case {
  const [id = "", tree] = text.split("=");
  const root = tree === undefined ? ROOT : resolve(tree);
  const context = {
    objectDirectory: join(root, "build/bpf"),
    userspaceProgram: join(ROOT, "build/bench/userspace-mirror"),
    secondCpu: 0,
    datapathProgram: join(root, "dist/bench/datapath-process.js"),
  };
  return { ...caseOf(id, entries, context), id: text };
}

async function prepare(point: Point, rigs: Rigs): Promise<Prepared> {
  const cases: { case: Case; rig: Prepared["cases"][number]["rig"] }[] = [];
  for (const text of point.cases) {
    const wanted = wantedCase(text, point.entries);
    const rig = await rigs.rigOf(wanted);
    if (!rig) throw new Error(`${text} is not to be had on this machine.`);
    cases.push({ case: wanted, rig });
  }
  return { point, cases };
}

function print(measured: readonly Measured[]): void {
  const mpps = ({ samples }: Measured): number[] => samples.map(({ handledMpps }) => handledMpps);
  const [first] = measured;
  for (const each of measured) {
    const ns = summarize(mpps(each).map((value) => 1000 / value));
    const ratio = summarize(pairwiseRatios(mpps(each), first ? mpps(first) : []));
    const [median, low, high] = [ratio.median, ratio.low, ratio.high].map((value) => value.toFixed(3));
    const away = summarize(each.samples.map(({ takenAway }) => takenAway)).median;
    process.stdout.write(
      `${each.case.id.padEnd(32)} ${ns.median.toFixed(0).padStart(6)} ns (${ns.low.toFixed(0)}-${ns.high.toFixed(0)})` +
        `  ratio ${median} (${low}-${high})  core taken away ${(away * 100).toFixed(0)} %\n`,
    );
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: "string", multiple: true, default: [] },
      bytes: { type: "string", default: "128" },
      share: { type: "string", default: "1" },
      entries: { type: "string", default: "1000" },
      flows: { type: "string", default: "1024" },
      rounds: { type: "string", default: "9" },
      ms: { type: "string", default: "150" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.case.length === 0) {
    process.stdout.write(`${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  const [bytes, share, entries, flows, rounds, ms] = [
    values.bytes,
    values.share,
    values.entries,
    values.flows,
    values.rounds,
    values.ms,
  ].map(Number) as [number, number, number, number, number, number];
  const objectPath = join(ROOT, "build/bench/rig.o");
  const measuredCpu = availableParallelism() - 1;
  using rigs = new Rigs(objectPath);
  using generator = new Generator(objectPath);
  const traffic = { sizes: [bytes], flows, intercepted: share, subscribers: entries };
  const prepared = await prepare({ traffic, entries, cases: values.case }, rigs);
  pinToCpu(measuredCpu);
  const meter = new Meter(generator, new CoreClock(measuredCpu), { durationMs: ms, warmUpPackets: WARM_UP_PACKETS });
  const [point] = await runRounds([prepared], rounds, meter, new Progress(rounds * prepared.cases.length));
  print(point?.measured ?? []);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`compare: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = 1;
}
