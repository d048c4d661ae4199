/**
 * One case for some seconds, to look at: `perf record -e cpu-clock -g -- node dist/bench/profile.js --case tc`.
 * Says what a packet costs, and how often and how long each eBPF program on the edge ran.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BpfProgram, enableStats, queryTcx } from "libbpf-ts";
import { caseOf } from "./cases/all.js";
import type { Case } from "./cases/case.js";
import { CoreClock } from "./core-time.js";
import { Generator, type TrafficSpec } from "./generator.js";
import { Meter } from "./measure.js";
import { command, pinToCpu } from "./namespaces.js";
import { ACCESS, CORE, ifindexOf, MEDIATION, type Rig } from "./rig.js";
import { Rigs } from "./rigs.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const USAGE = `Usage: profile [--case tc] [--bytes 128] [--share 1] [--entries 1000] [--flows 1024] [--seconds 5]
Cases: forwarding, bare-tcx, bare-clone, bare-redirect, tc, xdp-tap, xdp-forward, mirred-vxlan, nft-dup, iptables-tee.`;

interface XdpLink {
  readonly xdp?: { readonly prog: { readonly id: number } };
}

/** Ids of what is attached to the edge's interfaces. */
function programIds(): number[] {
  const tcx = [ACCESS, CORE, MEDIATION].flatMap((device) =>
    (["ingress", "egress"] as const).flatMap((direction) => queryTcx(ifindexOf(device), direction).entries),
  );
  const links = JSON.parse(command("ip", "-json", "-details", "link", "show")) as XdpLink[];
  return [...tcx.map(({ progId }) => progId), ...links.flatMap(({ xdp }) => (xdp ? [xdp.prog.id] : []))];
}

function printRuns(rig: Rig, traffic: () => void): void {
  const programs = rig.runInEdge(() => programIds().map((id) => BpfProgram.openById(id)));
  const before = programs.map((program) => program.info());
  const statistics = enableStats();
  traffic();
  statistics.close();
  programs.forEach((program, index) => {
    const { runCnt, runTimeNs, name } = program.info();
    const runs = Number(runCnt - (before[index]?.runCnt ?? 0n));
    const ns = Number(runTimeNs - (before[index]?.runTimeNs ?? 0n)) / runs;
    if (runs > 0) process.stdout.write(`  ${name}: ${runs} runs, ${ns.toFixed(0)} ns each, with what it calls\n`);
    program.close();
  });
}

async function profile(wanted: Case, traffic: TrafficSpec, seconds: number): Promise<void> {
  const objectPath = join(ROOT, "build/bench/rig.o");
  const cpu = availableParallelism() - 1;
  using rigs = new Rigs(objectPath);
  using generator = new Generator(objectPath);
  const rig = await rigs.rigOf(wanted);
  if (!rig) throw new Error(`${wanted.title} is not to be had on this machine.`);
  pinToCpu(cpu);
  const timing = { durationMs: seconds * 1000, warmUpPackets: 100_000 };
  const meter = new Meter(generator, new CoreClock(cpu), timing);
  const { handledMpps } = meter.measure(rig, traffic, wanted);
  process.stdout.write(
    `${wanted.title}: ${(1000 / handledMpps).toFixed(0)} ns a packet, the generator and the sinks included\n`,
  );
  const short = new Meter(generator, new CoreClock(cpu), { ...timing, durationMs: 500 });
  printRuns(rig, () => short.measure(rig, traffic, wanted));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: "string", default: "tc" },
      bytes: { type: "string", default: "128" },
      share: { type: "string", default: "1" },
      entries: { type: "string", default: "1000" },
      flows: { type: "string", default: "1024" },
      seconds: { type: "string", default: "5" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [bytes = 0, intercepted = 0, entries = 0, flows = 0, seconds = 0] = [
    values.bytes,
    values.share,
    values.entries,
    values.flows,
    values.seconds,
  ].map(Number);
  const context = { objectDirectory: join(ROOT, "build/bpf"), userspaceProgram: "", secondCpu: 0 };
  const traffic = { sizes: [bytes], flows, intercepted, subscribers: entries };
  await profile(caseOf(values.case, entries, context), traffic, seconds);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`profile: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = 1;
}
