/** `node dist/bench/print-model.js`: the model of docs/performance.md with the costs of bench/results.json. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { readResults } from "./files.js";
import { costsOf, type Node, needs, stateBytes } from "./model.js";
import type { Result } from "./results.js";
import { PLAIN_TABLE } from "./table.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const USAGE = `Usage: print-model [--gbps 100] [--utilization 0.7] [--ghz N] [--cpus 64]
What a node needs for that much subscriber traffic, with the costs measured in bench/results.json.
  --gbps         both directions together, on the wire
  --utilization  of a core, that traffic may use
  --ghz          clock of the machine that was measured, for cycles a packet
  --cpus         CPUs that the node could have, for the memory of the counters`;

const SIZES = [128, 356, 1400];
const SHARES = [0.001, 0.01, 0.1, 1];
const INTERCEPTS = [2048, 100_000, 1_000_000];

function rows(results: readonly Result[], node: Omit<Node, "share">, ghz: number | undefined): string[][] {
  return (["tc", "xdp-forward"] as const).flatMap((mode) =>
    SIZES.flatMap((size) => {
      const costs = costsOf(results, mode, size);
      if (!costs) return [];
      return SHARES.map((share) => {
        const { mpps, cores, mediationGbps, pcieGbps, memoryGBps } = needs({ ...node, share }, size, costs);
        const ns = (1 - share) * costs.passedNs + share * costs.mirroredNs;
        const cycles = ghz === undefined ? "-" : (ns * ghz).toFixed(0);
        const traffic = [mode, String(size), `${share * 100} %`, mpps.toFixed(1), ns.toFixed(0), cycles];
        return [...traffic, ...[cores, mediationGbps, pcieGbps, memoryGBps].map((value) => value.toFixed(1))];
      });
    }),
  );
}

function main(): number {
  const options = {
    gbps: { type: "string", default: "100" },
    utilization: { type: "string", default: "0.7" },
    ghz: { type: "string" },
    cpus: { type: "string", default: "64" },
    help: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ options });
  const numbers = [values.gbps, values.utilization, values.ghz ?? "1", values.cpus].map(Number);
  if (values.help || numbers.some((number) => !(number > 0))) {
    process.stdout.write(`${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  const [gbps = 0, utilization = 0, ghz = 0, cpus = 0] = numbers;
  const head = [
    "mode",
    "bytes",
    "mirrored",
    "Mpps",
    "ns",
    "cycles",
    "cores",
    "mediation Gb/s",
    "PCIe Gb/s",
    "memory GB/s",
  ];
  const table = new Table({ head, ...PLAIN_TABLE });
  table.push(...rows(readResults(ROOT), { gbps, utilization }, values.ghz === undefined ? undefined : ghz));
  process.stdout.write(`${gbps} Gb/s, ${utilization * 100} % of a core for traffic\n${table.toString()}\n\n`);
  for (const count of INTERCEPTS) {
    const mebibytes = (stateBytes(count, cpus) / 2 ** 20).toFixed(0);
    process.stdout.write(`${count} intercepts on ${cpus} CPUs: ${mebibytes} MiB of kernel memory\n`);
  }
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`print-model: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
