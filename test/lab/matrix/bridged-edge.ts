/**
 * An edge that carries frames of every kind unchanged, with the datapath in this process, which is in the edge's network
 * namespace.
 *
 *   subscriber --acc0--[br0]--core0-- server
 *                 |
 *              datapath --med0-- mediation (MTU 1500)
 *                       +-med1-- mediation (MTU 9000)
 */
import { setTimeout as sleep } from "node:timers/promises";
import { KernelDatapath } from "../../../src/datapath/kernel.js";
import type { DatapathOptions } from "../../../src/datapath/options.js";
import { LabError } from "../parts/errors.js";
import { raiseLimits } from "../parts/host-tuning.js";
import { Lab } from "../parts/lab.js";
import { enterNamespace } from "../parts/netns.js";
import { Line } from "./line.js";
import { EDGE, MediationSide, PORT } from "./mediation-side.js";

type MediationOptions = DatapathOptions["mediation"];

const MEDIATION_OPTIONS: MediationOptions = {
  sourceIpv4: EDGE.ipv4,
  sourceIpv6: EDGE.ipv6,
  sourcePort: 40_030,
  ttl: 255,
  dscp: 0,
  udpChecksum: "zero",
  oversize: "fragment",
  way: "auto",
};

export interface EdgeOptions {
  readonly mediation?: Partial<MediationOptions>;
  readonly limits?: Partial<DatapathOptions["limits"]>;
  readonly interfaces?: Partial<DatapathOptions["interfaces"]>;
  /** 1 unless given. */
  readonly lines?: number;
  /** On which the mediation devices listen; 30030 unless given. */
  readonly ports?: readonly number[];
}

export class BridgedEdge implements AsyncDisposable {
  /** The first line. */
  readonly line: Line;
  readonly mediationOptions: MediationOptions;
  readonly datapath: KernelDatapath;

  private constructor(
    readonly lab: Lab,
    readonly lines: readonly [Line, ...Line[]],
    readonly mediation: MediationSide,
    options: EdgeOptions,
  ) {
    [this.line] = lines;
    this.mediationOptions = { ...MEDIATION_OPTIONS, ...options.mediation };
    this.datapath = openDatapath(this.mediationOptions, options);
  }

  static async build(options: EdgeOptions = {}): Promise<BridgedEdge> {
    const lab = new Lab();
    try {
      const edge = await lab.namespace("edge");
      raiseLimits(lab);
      const openFirst = await Line.build(lab, edge, 0);
      const openOthers: (() => Line)[] = [];
      for (let number = 1; number < (options.lines ?? 1); number++)
        openOthers.push(await Line.build(lab, edge, number));
      const openMediation = await MediationSide.build(lab, edge, options.ports ?? [PORT]);
      enterNamespace(lab, edge);
      const lines: [Line, ...Line[]] = [openFirst(), ...openOthers.map((open) => open())];
      return new BridgedEdge(lab, lines, openMediation(), options);
    } catch (error) {
      lab.destroy();
      throw error;
    }
  }

  /** Throws away what comes, until nothing does. */
  async quiet(): Promise<void> {
    const arriving = (): number =>
      this.mediation.received().length +
      this.mediation.onWires().length +
      this.lines.reduce((sum, line) => sum + line.arrived("subscriber").length + line.arrived("server").length, 0);
    do await sleep(100);
    while (arriving() > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.datapath.close();
    this.mediation.close();
    for (const line of this.lines) line.close();
    await this.lab.close();
  }
}

function openDatapath(mediation: MediationOptions, { limits, interfaces }: EdgeOptions): KernelDatapath {
  return new KernelDatapath(
    {
      objectDirectory: process.env["SUBMIRROR_BPF_OBJECTS"] ?? "build/bpf",
      mode: "tc",
      interfaces: { access: ["acc*"], mediation: ["med*"], ...interfaces },
      limits: { intercepts: 64, matches: 1024, mediationDevices: 16, dropPolicies: 16, ...limits },
      mediation,
    },
    {
      failed(name, reason) {
        throw new LabError(`${name} could not be taken into service: ${reason}`);
      },
      attached() {},
      gone() {},
      stranded() {},
      overtaken() {},
      narrowPath() {},
      leftToTc() {},
    },
  );
}

/** Asks every millisecond; gives up after `withinMs`, since what does not come has to be told from what does. */
export async function waitFor(condition: () => boolean, withinMs = 5000): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await sleep(1);
  }
  return true;
}
