/**
 * `make bench-gateway`: the gateway and FreeRADIUS as a plain proxy, side by side: same client, same upstream server, in
 * turns. Writes bench/gateway.json and the figures of docs/performance.md. QUICK=1 measures less, and writes nothing.
 *
 * "As fast as they are answered" has 64 logins under way at any time; "1,000 a second" sends at that rate and counts how
 * long each answer takes. "the gateway" makes the event of every login and throws it away, which is what a plain proxy can
 * be compared with; "events stored" has them in a JetStream on the same two cores, which no plain proxy does.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../../test/lab/parts/login-load.js";
import { machine } from "../machine.js";
import { replaceBlock } from "../markdown.js";
import { quantile, shuffled } from "../statistics.js";
import { type GatewayRecord, gatewayFigures, gatewayRecords, type Measured } from "./report.js";
import { SECRET, type Target, USERS, withTargets } from "./rig.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const OUTSTANDING = 64;
/** Requests a second of the latency runs: well below what either proxy can do. */
const RATE = 1000;
const TICKS_PER_SECOND = 100;

interface Plan {
  readonly rounds: number;
  readonly requests: number;
  readonly pacedSeconds: number;
  /** Before anything is counted: programs that translate themselves while they run have done so then. */
  readonly warmUp: number;
}

const quick = (process.env.QUICK ?? "") !== "";
const PLAN: Plan = quick
  ? { rounds: 1, requests: 5000, pacedSeconds: 2, warmUp: 2000 }
  : { rounds: 9, requests: 20_000, pacedSeconds: 5, warmUp: 20_000 };
const COMMON = { secret: SECRET, users: USERS };

/** Processor time that a process has had, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function measure({ port, pid }: Target, rate?: number): Promise<Measured> {
  const before = cpuSeconds(pid);
  const result = await load(
    rate === undefined
      ? { ...COMMON, port, requests: PLAN.requests, outstanding: OUTSTANDING }
      : { ...COMMON, port, requests: rate * PLAN.pacedSeconds, rate, outstanding: 1000 },
  );
  return {
    perSecond: result.accepted / result.seconds,
    p50: quantile(result.latencies, 0.5),
    p99: quantile(result.latencies, 0.99),
    cpu: ((cpuSeconds(pid) - before) / result.accepted) * 1e6,
    lost: result.lost + result.other,
  };
}

function say(name: string, what: string, { perSecond, p50, p99, cpu }: Measured): void {
  const columns = [
    name.padEnd(26),
    what.padEnd(7),
    `${Math.round(perSecond)}/s`.padStart(8),
    `p50 ${p50.toFixed(2)} ms`,
    `p99 ${p99.toFixed(2)} ms`,
    `cpu ${cpu.toFixed(0)} us`,
  ];
  process.stdout.write(`${columns.join("  ")}\n`);
}

async function compare(targets: readonly Target[]): Promise<GatewayRecord[]> {
  for (const { port } of targets) await load({ ...COMMON, port, requests: PLAN.warmUp, outstanding: OUTSTANDING });
  const runs = targets.map((target) => ({ target, full: [] as Measured[], paced: [] as Measured[] }));
  for (let round = 1; round <= PLAN.rounds; round++) {
    process.stderr.write(`round ${round} of ${PLAN.rounds}\n`);
    for (const { target, full, paced } of shuffled(runs)) {
      full.push(await measure(target));
      paced.push(await measure(target, RATE));
      say(target.name, "full", full.at(-1) as Measured);
      say(target.name, `${RATE}/s`, paced.at(-1) as Measured);
    }
  }
  return gatewayRecords(runs.map(({ target, full, paced }) => ({ name: target.name, full, paced })));
}

function write(records: readonly GatewayRecord[], figures: string): void {
  const lines = records.map((each) => JSON.stringify(each));
  writeFileSync(join(ROOT, "bench/gateway.json"), `[\n${lines.join(",\n")}\n]\n`);
  const document = join(ROOT, "docs/performance.md");
  writeFileSync(document, replaceBlock(readFileSync(document, "utf8"), "gateway", figures));
}

await withTargets(async (targets) => {
  const records = await compare(targets);
  const figures = gatewayFigures(records, machine());
  process.stdout.write(`\n${figures}\n`);
  if (!quick) write(records, figures);
});
