/**
 * `make bench-control`: the control plane, measured with the programs that people run. Writes bench/control.json, charts,
 * and the figures of docs/performance.md. QUICK=1 measures less, and writes nothing.
 */
import { fileURLToPath } from "node:url";
import { activation } from "./activation.js";
import { coa } from "./coa.js";
import { events } from "./events.js";
import { writeAll } from "./files.js";
import { hops } from "./hops.js";
import { rebuild } from "./rebuild.js";
import type { ControlRecord } from "./records.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const quick = (process.env.QUICK ?? "") !== "";

/** Cases by name: `node dist/bench/control/run.js NAME...` runs those alone. */
const CASES: Readonly<Record<string, () => Promise<ControlRecord[]>>> = quick
  ? {
      coa: () => coa({ first: 20, warmUp: 200, later: 50 }),
      hops: () => hops(200, 50),
      activation: () => activation(10_000, 1),
      events: () => events(20_000, 1),
      rebuild: () => sizes([0, 20_000], 1),
    }
  : {
      coa: () => coa({ first: 100, warmUp: 2000, later: 300 }),
      hops: () => hops(2000, 300),
      activation: () => activation(100_000, 3),
      events: () => events(100_000, 3),
      rebuild: () => sizes([0, 10_000, 100_000, 1_000_000], 2),
    };

async function sizes(all: readonly number[], rounds: number): Promise<ControlRecord[]> {
  const records: ControlRecord[] = [];
  for (const size of all) records.push(...(await rebuild(size, rounds)));
  return records;
}

function print(records: readonly ControlRecord[]): void {
  for (const { case: name, n, value, unit, p50, p99 } of records) {
    const columns = [name.padEnd(32), String(n).padStart(9), `${value} ${unit}`.padStart(16), `p50 ${p50}  p99 ${p99}`];
    process.stdout.write(`${columns.join("  ")}\n`);
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(CASES, name));
if (unknown.length > 0) {
  process.stderr.write(`there is no case ${unknown.join(", ")}: ${Object.keys(CASES).join(", ")} are there\n`);
  process.exit(2);
}
for (const [name, measure] of Object.entries(CASES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const measured = await measure();
  print(measured);
  // At once: what was measured stays, should a later case fail.
  if (!quick) writeAll(ROOT, measured);
}
