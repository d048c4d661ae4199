/**
 * The datapath on an edge, in a process of its own as an agent is: it stays in the edge's namespace, where the datapath
 * follows the interfaces. Arguments: mode, number of intercepts, folder of the eBPF objects. Says "ready", or "absent"
 * where the mode did not come into service; ends when its standard input does.
 */
import { KernelDatapath } from "../src/datapath/kernel.js";
import type { DatapathOptions } from "../src/datapath/options.js";
import type { InterceptSpec } from "../src/intercepts/types.js";
import { TrafficLimits } from "./layout.gen.js";
import { command } from "./namespaces.js";
import { ACCESS, CORE, interceptedAddress, MEDIATION, MEDIATION_ADDRESS, NODE_ADDRESS } from "./rig.js";

type Mode = DatapathOptions["mode"];

/** Intercepts handed over at a time, so that not all specifications exist at once. */
const PORTION = 10_000;

function intercept(index: number): InterceptSpec {
  return {
    key: `bench-${index}`,
    matches: [{ kind: "ipv4", prefix: `${interceptedAddress(index)}/32` }],
    direction: "both",
    header: { format: "junos", interceptId: index, sessionId: index },
    mediation: { address: MEDIATION_ADDRESS, port: TrafficLimits.SHIM_PORT },
  };
}

function putAll(datapath: KernelDatapath, entries: number): void {
  for (let first = 0; first < entries; first += PORTION) {
    const count = Math.min(PORTION, entries - first);
    const refused = datapath.putMany(Array.from({ length: count }, (_, index) => intercept(first + index)));
    const problem = refused.find((error) => error !== undefined);
    if (problem) throw problem;
  }
}

function options(mode: Mode, entries: number, objectDirectory: string): DatapathOptions {
  return {
    objectDirectory,
    mode,
    interfaces: { access: [ACCESS], core: [CORE], mediation: [MEDIATION] },
    limits: { intercepts: entries, matches: entries, mediationDevices: 16, dropPolicies: 16 },
    mediation: {
      sourceIpv4: NODE_ADDRESS,
      sourcePort: TrafficLimits.SHIM_PORT,
      ttl: 255,
      dscp: 0,
      udpChecksum: "zero",
      oversize: "fragment",
      way: "auto",
    },
  };
}

interface XdpLink {
  readonly xdp?: unknown;
}

function runsXdp(): boolean {
  const links = JSON.parse(command("ip", "-json", "link", "show", "dev", ACCESS)) as XdpLink[];
  return links.some(({ xdp }) => xdp !== undefined);
}

function fail(what: string): void {
  process.stderr.write(`datapath: ${what}\n`);
  process.exit(1);
}

function main(mode: Mode, entries: number, objectDirectory: string): void {
  const datapath = new KernelDatapath(options(mode, entries, objectDirectory), {
    failed: (name, reason) => fail(`${name}: ${reason}`),
    overtaken: (name) => fail(`${name}: another program runs first`),
    stranded: fail,
    attached: () => undefined,
    narrowPath: () => undefined,
    leftToTc: () => undefined,
    gone: () => undefined,
  });
  putAll(datapath, entries);
  datapath.activate();
  process.stdout.write(mode === "tc" || runsXdp() ? "ready\n" : "absent\n");
  process.stdin.on("end", () => process.exit(0)).resume();
}

const [mode = "", entries = "", objectDirectory = ""] = process.argv.slice(2);
main(mode as Mode, Number(entries), objectDirectory);
