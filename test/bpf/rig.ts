/**
 * A node under test: the datapath in a network namespace of its own, with taps in place of its cables.
 *
 *   acc0   subscribers, Ethernet (its MAC is ROUTER_MAC)    acc1   the same, in the zone "red"
 *   acct0  subscribers without a link layer (tun)           core0  where the subscribers' packets go
 *   med0   mediation devices, permanent neighbours
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { BpfMap } from "libbpf-ts";
import type { Role } from "../../src/datapath/attach.js";
import { KernelDatapath } from "../../src/datapath/kernel.js";
import { Cpu } from "../../src/datapath/layout.gen.js";
import type { DatapathOptions } from "../../src/datapath/options.js";
import type { DatapathCounters } from "../../src/datapath/port.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import type { NetworkLink } from "../../src/net/links.js";
import { type Context, contextBytes } from "./context.js";
import { enterPrivateNetwork, ipBatch, sysctl, Wire } from "./network.js";
import {
  macBytes,
  REMOTE4,
  REMOTE6,
  ROUTER_MAC,
  SUBSCRIBER_MAC,
  SUBSCRIBER4,
  SUBSCRIBER6,
  type VlanTag,
} from "./packets.js";
import { Stage } from "./stage.js";

export const OBJECT_DIRECTORY = process.env["SUBMIRROR_BPF_OBJECTS"] ?? "build/bpf";

export const NODE4 = "198.51.100.1";
export const NODE6 = "2001:db8:9::1";
export const DEVICE4 = "198.51.100.9";
export const DEVICE6 = "2001:db8:9::9";
export const OTHER_DEVICE4 = "198.51.100.10";
/** On med0's network, with nobody there to answer for it. */
export const SILENT_DEVICE4 = "198.51.100.77";
export const MEDIATION_MAC = "02:00:5e:20:00:01";
export const DEVICE_MAC = "02:00:5e:20:00:09";

export const DEFAULT_MEDIATION: DatapathOptions["mediation"] = {
  sourceIpv4: NODE4,
  sourceIpv6: NODE6,
  sourcePort: 40_030,
  ttl: 255,
  dscp: 0,
  udpChecksum: "zero",
  oversize: "fragment",
  way: "auto",
};

export interface RigOptions {
  readonly mediation?: Partial<DatapathOptions["mediation"]>;
  /** `tc` unless given. */
  readonly mode?: DatapathOptions["mode"];
  /** Of med0; 1600 unless given, so that full-size copies fit. */
  readonly mediationMtu?: number;
  /** Of acc0, acc1 and core0; 9000 unless given. */
  readonly accessMtu?: number;
  readonly limits?: Partial<DatapathOptions["limits"]>;
  /** The object without kfuncs in place of the one that the kernel would get. */
  readonly object?: "tc-61.o";
  /** Access interfaces besides acc0, acc1 and acct0. */
  readonly access?: readonly string[];
  /** Zones by interface; acc1 is in "red" unless given. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Mediation interfaces besides med0. */
  readonly alsoMediation?: readonly string[];
}

/** A device that routing takes for a VLAN interface: the kernel of a test machine need not have any. */
export interface VlanStandIn {
  readonly lower: Wire;
  readonly id: number;
  readonly roles: readonly Role[];
  readonly more?: Partial<NetworkLink>;
}

export interface Run {
  /** Signed: -1 lets the packet go on. */
  readonly verdict: number;
  readonly packet: Buffer;
  readonly context: Buffer;
}

export type AccessInterface = "acc0" | "acc1" | "acct0";

/** What changed in the datapath's totals, by name; what did not change is absent. */
export type Changes = Record<string, number>;

function flat(counters: DatapathCounters): Record<string, bigint> {
  const { from, to, dropped, fragmented, throughStack, excluded } = counters;
  return {
    "from.packets": from.packets,
    "from.bytes": from.bytes,
    "to.packets": to.packets,
    "to.bytes": to.bytes,
    ...Object.fromEntries(Object.entries(dropped).map(([reason, count]) => [`dropped.${reason}`, count])),
    fragmented,
    throughStack,
    excluded,
  };
}

function difference(before: DatapathCounters, after: DatapathCounters): Changes {
  const earlier = flat(before);
  const changed = Object.entries(flat(after)).map(([name, value]) => [name, Number(value - (earlier[name] ?? 0n))]);
  return Object.fromEntries(changed.filter(([, value]) => value !== 0));
}

export class Rig implements Disposable {
  readonly #temporary: string[] = [];
  readonly mediation: DatapathOptions["mediation"];
  readonly acc0: Wire;
  readonly acc1: Wire;
  readonly acct0: Wire;
  readonly med0: Wire;
  readonly core0: Wire;
  readonly datapath: KernelDatapath;
  #stage: Stage | undefined;

  /** Ready when every interface is in service: on a busy machine that takes turns of the event loop. */
  static async open(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(options);
    await rig.inService("access", ["acc0", "acc1", "acct0", ...(options.access ?? [])]);
    await rig.inService("mediation", ["med0", ...(options.alsoMediation ?? [])]);
    return rig;
  }

  private constructor(options: RigOptions) {
    enterPrivateNetwork();
    this.mediation = { ...DEFAULT_MEDIATION, ...options.mediation };
    const mtu = options.accessMtu ?? 9000;
    this.acc0 = new Wire("acc0", { mac: ROUTER_MAC, mtu });
    this.acc1 = new Wire("acc1", { mac: "02:00:5e:10:00:02", mtu });
    this.acct0 = new Wire("acct0", { linkLayer: false, mtu: 65_535 });
    this.core0 = new Wire("core0", { mac: "02:00:5e:30:00:01", mtu });
    this.med0 = new Wire("med0", { mac: MEDIATION_MAC, mtu: options.mediationMtu ?? 1600 });
    this.#configureNetwork();
    this.datapath = new KernelDatapath(
      {
        objectDirectory: this.#objectDirectory(options.object),
        mode: options.mode ?? "tc",
        interfaces: {
          access: ["acc*", ...(options.access ?? [])],
          core: ["core*"],
          mediation: ["med*", ...(options.alsoMediation ?? [])],
          zones: options.zones ?? { acc1: "red" },
        },
        limits: { intercepts: 64, matches: 4096, mediationDevices: 16, dropPolicies: 16, ...options.limits },
        mediation: this.mediation,
      },
      {
        failed(name, reason) {
          throw new Error(`${name} could not be taken into service: ${reason}`);
        },
        attached() {},
        gone() {},
        overtaken() {},
        stranded() {},
        narrowPath() {},
        leftToTc() {},
      },
    );
  }

  /** Waits until the programs are on these interfaces. */
  async inService(role: "access" | "mediation", names: readonly string[]): Promise<void> {
    const end = performance.now() + 20_000;
    const missing = (): string[] => names.filter((name) => !this.datapath.interfaceNames(role).includes(name));
    while (missing().length > 0) {
      if (performance.now() > end) throw new Error(`Not in service: ${missing().join(", ")}`);
      await setImmediate();
    }
  }

  /** Waits until what the kernel tells of the interfaces has been taken in. */
  async settled(): Promise<void> {
    await setTimeout(50);
  }

  /** Copies that an XDP program made, so far. */
  copiesByXdp(): number {
    const parts = this.map("cpus").lookupPerCpu(Buffer.alloc(4)) ?? [];
    return parts.reduce((sum, part) => sum + Number(Cpu.decode(part).totals.by_xdp), 0);
  }

  /** Makes up link events by which `wire` is a VLAN interface in service. Whatever it was, XDP takes it for one then. */
  takeForVlan(wire: Wire, { lower, id, roles, more = {} }: VlanStandIn): void {
    const link: NetworkLink = {
      ifindex: wire.ifindex,
      name: `${lower.name}.${id}`,
      hasLinkLayer: true,
      mtu: 1500,
      up: true,
      kind: "vlan",
      lower: lower.ifindex,
      vlanId: id,
      ...more,
    };
    this.datapath.xdp?.linkChanged(link);
    this.datapath.xdp?.serve(link, roles, 0);
  }

  install(specs: readonly InterceptSpec[]): void {
    for (const spec of specs) this.datapath.put(spec);
  }

  /** Takes all intercepts away and throws away what is left on the wires. */
  clear(): void {
    for (const key of this.datapath.keys()) this.datapath.remove(key);
    for (const wire of [this.acc0, this.acc1, this.acct0, this.core0, this.med0]) wire.drain();
  }

  /** BPF_PROG_TEST_RUN of a program, as on `on`; with `tag`, that VLAN tag is in the skb's metadata. */
  run(program: string, packet: Buffer, context: Context = {}, on: AccessInterface = "acc0", tag?: VlanTag): Run {
    const fields = { ifindex: this[on].ifindex, wireLength: packet.length, ...context };
    const underTest = this.datapath.object.program(program);
    if (tag) this.#stage ??= new Stage();
    const result =
      tag && this.#stage
        ? this.#stage.run(underTest, packet, fields, tag)
        : underTest.testRun({ data: packet, ctx: contextBytes(fields) });
    return { verdict: result.retval | 0, packet: result.data, context: result.ctx ?? Buffer.alloc(0) };
  }

  /** Does `action` and tells how the datapath's totals changed by it. */
  changes(action: () => void): Changes {
    const before = this.datapath.counters();
    action();
    return difference(before, this.datapath.counters());
  }

  map(name: string): BpfMap {
    return this.datapath.object.map(name);
  }

  [Symbol.dispose](): void {
    this.datapath.close();
    this.#stage?.[Symbol.dispose]();
    for (const wire of [this.acc0, this.acc1, this.acct0, this.core0, this.med0]) wire[Symbol.dispose]();
    for (const directory of this.#temporary) rmSync(directory, { recursive: true });
  }

  #configureNetwork(): void {
    sysctl("ipv4/ip_forward", "1");
    sysctl("ipv6/conf/all/forwarding", "1");
    for (const scope of ["all", "acc0", "acct0", "core0"]) sysctl(`ipv4/conf/${scope}/rp_filter`, "0");
    const addresses = [
      ["med0", `${NODE4}/24`],
      ["med0", `${NODE6}/64`],
      ["acc0", "100.64.0.1/24"],
      ["acc0", "2001:db8:1::1/64"],
      ["core0", "192.0.2.1/24"],
      ["core0", "2001:db8:ffff::1/64"],
    ] as const;
    const neighbours = [
      ["med0", DEVICE4, DEVICE_MAC],
      ["med0", DEVICE6, DEVICE_MAC],
      ["med0", OTHER_DEVICE4, DEVICE_MAC],
      ["acc0", SUBSCRIBER4, SUBSCRIBER_MAC],
      ["acc0", SUBSCRIBER6, SUBSCRIBER_MAC],
      ["core0", REMOTE4, "02:00:5e:30:00:80"],
      ["core0", REMOTE6, "02:00:5e:30:00:80"],
    ] as const;
    ipBatch([
      ...addresses.map(([device, address]) => [
        ...["address", "add", address, "dev", device],
        ...(address.includes(":") ? ["nodad"] : []),
      ]),
      ...neighbours.map(([device, address, mac]) => [
        ...["neighbour", "add", address, "lladdr", mac, "dev", device, "nud", "permanent"],
      ]),
    ]);
  }

  #objectDirectory(only: RigOptions["object"]): string {
    if (!only) return OBJECT_DIRECTORY;
    const directory = mkdtempSync(join(tmpdir(), "submirror-object-"));
    this.#temporary.push(directory);
    symlinkSync(resolve(OBJECT_DIRECTORY, only), join(directory, only));
    return directory;
  }
}

/** The Ethernet header of a copy that went straight to a neighbour on med0. */
export function mediationFrame(packet: Buffer): Buffer {
  const type = (packet[0] ?? 0) >> 4 === 6 ? "86dd" : "0800";
  return Buffer.concat([macBytes(DEVICE_MAC), macBytes(MEDIATION_MAC), Buffer.from(type, "hex"), packet]);
}
