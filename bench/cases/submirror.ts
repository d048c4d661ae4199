/** The datapath of this repository, through the interface that the agent uses. */
import { KernelDatapath } from "../../src/datapath/kernel.js";
import type { DatapathOptions } from "../../src/datapath/options.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { CopyKind, TrafficLimits } from "../layout.gen.js";
import { command } from "../namespaces.js";
import { ACCESS, CORE, type Counting, MEDIATION, MEDIATION_ADDRESS, NODE_ADDRESS } from "../rig.js";
import type { Case } from "./case.js";

export type Mode = "tc" | "xdp-tap" | "xdp-forward";

const TITLES: Readonly<Record<Mode, string>> = {
  tc: "submirror tc",
  "xdp-tap": "submirror xdp-tap (fed by a tap)",
  "xdp-forward": "submirror xdp-forward",
};

/** Intercepts handed over at a time, so that not all specifications exist at once. */
const PORTION = 10_000;

function address(index: number): string {
  const value = TrafficLimits.INTERCEPTED_BASE + index;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

function intercept(index: number): InterceptSpec {
  return {
    key: `bench-${index}`,
    matches: [{ kind: "ipv4", prefix: `${address(index)}/32` }],
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
  const interfaces = { access: [ACCESS], core: [CORE], mediation: [MEDIATION] };
  const limits = { intercepts: entries, matches: entries, mediationDevices: 16, dropPolicies: 16 };
  const mediation = {
    sourceIpv4: NODE_ADDRESS,
    sourcePort: TrafficLimits.SHIM_PORT,
    ttl: 255,
    dscp: 0,
    udpChecksum: "zero",
    oversize: "fragment",
    way: "auto",
  } as const;
  return Object.assign({ objectDirectory, interfaces, limits, mediation }, { mode });
}

interface XdpLink {
  readonly ifname: string;
  readonly xdp?: unknown;
}

/** A datapath that does not know the mode would run as `tc`: the interface tells. */
function runsXdp(): boolean {
  const links = JSON.parse(command("ip", "-json", "link", "show", "dev", ACCESS)) as XdpLink[];
  return links.some(({ xdp }) => xdp !== undefined);
}

export function submirror(mode: Mode, entries: number, objectDirectory: string): Case {
  const counting: Counting = mode === "tc" ? "tc" : "xdp";
  return {
    id: mode,
    title: TITLES[mode],
    entries,
    counting,
    copyKind: CopyKind.COPY_SHIM,
    forwards: mode !== "xdp-tap",
    mirrors: true,
    setUp() {
      const datapath = new KernelDatapath(options(mode, entries, objectDirectory), {
        failed: (name, reason) => {
          throw new Error(`${name}: ${reason}`);
        },
        attached: () => undefined,
        gone: () => undefined,
      });
      if (mode !== "tc" && !runsXdp()) {
        datapath.close();
        return "absent";
      }
      putAll(datapath, entries);
      return () => datapath.close();
    },
  };
}
