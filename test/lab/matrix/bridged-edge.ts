/**
 * An edge that carries frames of every kind unchanged: its access interface is bridged to its core interface.
 *
 *   subscriber --acc0--[br0]--core0-- server
 *                 |
 *     datapath (in this process)
 *                 |--med0-- mediation (MTU 1500)
 *                 +--med1-- mediation (MTU 9000)
 *
 * This process is in the edge's network namespace. Offloads are off where the edge sends, so that all that leaves it is
 * as on a wire; subscriber and server may send super-packets.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { KernelDatapath } from "../../../src/datapath/kernel.js";
import type { DatapathOptions } from "../../../src/datapath/options.js";
import { BatchSocket } from "../../../src/mediation/batch-socket.js";
import { LabError } from "../parts/errors.js";
import { raiseLimits } from "../parts/host-tuning.js";
import { Lab } from "../parts/lab.js";
import type { Namespace } from "../parts/namespace.js";
import { enterNamespace, inNamespace } from "../parts/netns.js";
import { FrameReceiver, FrameSender } from "../parts/packet-socket.js";

export const MAC = { subscriber: "02:00:5e:10:01:02", server: "02:00:5e:10:03:02" } as const;

/** Of subscriber, server and what is between them: room for two tags and PPPoE around 9000 bytes. */
const ORIGINALS_MTU = 9100;
export const PORT = 30_030;
const RECEIVE_BUFFER = 64 * 1024 * 1024;

const EDGE = { ipv4: "198.51.100.1", ipv6: "2001:db8:9::1" } as const;

export type MediationMtu = 1500 | 9000;

/** Mediation devices by the MTU of the path to them. */
export const MEDIATION: Readonly<Record<MediationMtu, { readonly 4: string; readonly 6: string }>> = {
  1500: { 4: "198.51.100.9", 6: "2001:db8:9::9" },
  9000: { 4: "203.0.113.9", 6: "2001:db8:a::9" },
};

export interface EdgeOptions {
  readonly mediation?: Partial<DatapathOptions["mediation"]>;
  readonly limits?: Partial<DatapathOptions["limits"]>;
}

export interface Datagram {
  /** Of the mediation device. */
  readonly address: string;
  /** The 8 bytes in front of the packet. */
  readonly shim: Buffer;
  readonly packet: Buffer;
}

export class BridgedEdge implements AsyncDisposable {
  readonly #closers: (() => void)[] = [];
  readonly #sinks = new Map<string, BatchSocket>();
  readonly datapath: KernelDatapath;
  readonly send: Readonly<Record<"subscriber" | "server" | "edge", FrameSender>>;
  readonly #receivers: Readonly<Record<"subscriber" | "server", FrameReceiver>>;

  private constructor(
    readonly lab: Lab,
    places: Readonly<Record<"subscriber" | "server" | "mediation", Namespace>>,
    options: EdgeOptions,
  ) {
    const { subscriber, server, mediation } = places;
    this.send = {
      subscriber: inNamespace(subscriber, () => this.#keep(new FrameSender("eth0"))),
      server: inNamespace(server, () => this.#keep(new FrameSender("eth0"))),
      edge: this.#keep(new FrameSender("acc0")),
    };
    this.#receivers = {
      subscriber: inNamespace(subscriber, () => this.#keep(new FrameReceiver("eth0"))),
      server: inNamespace(server, () => this.#keep(new FrameReceiver("eth0"))),
    };
    for (const address of Object.values(MEDIATION).flatMap((addresses) => Object.values(addresses))) {
      const socket = inNamespace(mediation, () => new BatchSocket(address, PORT, RECEIVE_BUFFER));
      this.#sinks.set(address, this.#keep(socket));
    }
    this.datapath = this.#keep(openDatapath(options));
  }

  static async build(options: EdgeOptions = {}): Promise<BridgedEdge> {
    const lab = new Lab();
    try {
      const edge = await lab.namespace("edge");
      raiseLimits(lab);
      const subscriber = await lab.namespace("subscriber");
      const server = await lab.namespace("server");
      const mediation = await lab.namespace("mediation");
      await buildBridge(lab, edge, subscriber, server);
      await buildMediation(lab, edge, mediation);
      enterNamespace(lab, edge);
      return new BridgedEdge(lab, { subscriber, server, mediation }, options);
    } catch (error) {
      lab.destroy();
      throw error;
    }
  }

  /** Frames that have come to the subscriber or the server. */
  arrived(at: "subscriber" | "server"): Buffer[] {
    return this.#receivers[at].drain();
  }

  /** What has come to the mediation devices, all of them. */
  mirrored(): Datagram[] {
    const datagrams: Datagram[] = [];
    for (const [address, socket] of this.#sinks) {
      const take = (datagram: Buffer): void => {
        const bytes = Buffer.from(datagram);
        datagrams.push({ address, shim: bytes.subarray(0, 8), packet: bytes.subarray(8) });
      };
      while (socket.receive(take) > 0);
      if (socket.drops > 0) throw new LabError(`a mediation device lost ${socket.drops} datagrams: receive buffer`);
    }
    return datagrams;
  }

  /** Throws away what comes, until nothing does. */
  async quiet(): Promise<void> {
    const arriving = (): number =>
      this.arrived("subscriber").length + this.arrived("server").length + this.mirrored().length;
    do await sleep(100);
    while (arriving() > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.toReversed()) close();
    await this.lab.close();
  }

  #keep<T extends { close(): void }>(resource: T): T {
    this.#closers.push(() => resource.close());
    return resource;
  }
}

function openDatapath({ mediation, limits }: EdgeOptions): KernelDatapath {
  return new KernelDatapath(
    {
      objectDirectory: process.env["SUBMIRROR_BPF_OBJECTS"] ?? "build/bpf",
      mode: "tc",
      interfaces: { access: ["acc*"], mediation: ["med*"] },
      limits: { intercepts: 64, matches: 1024, mediationDevices: 16, dropPolicies: 16, ...limits },
      mediation: {
        sourceIpv4: EDGE.ipv4,
        sourceIpv6: EDGE.ipv6,
        sourcePort: 40_030,
        ttl: 255,
        dscp: 0,
        udpChecksum: "zero",
        oversize: "fragment",
        way: "auto",
        ...mediation,
      },
    },
    {
      failed(name, reason) {
        throw new LabError(`${name} could not be taken into service: ${reason}`);
      },
      attached() {},
      gone() {},
      narrowPath() {},
      stranded() {},
      overtaken() {},
    },
  );
}

async function buildBridge(lab: Lab, edge: Namespace, subscriber: Namespace, server: Namespace): Promise<void> {
  const end = { device: "eth0", mtu: ORIGINALS_MTU };
  const edgeEnd = { namespace: edge, mtu: ORIGINALS_MTU, transmit: "nic" as const };
  await lab.link(
    { ...edgeEnd, device: "acc0", mac: "02:00:5e:10:01:01" },
    { ...end, namespace: subscriber, mac: MAC.subscriber },
  );
  await lab.link(
    { ...edgeEnd, device: "core0", mac: "02:00:5e:10:03:01" },
    { ...end, namespace: server, mac: MAC.server },
  );
  await edge.ip(
    `link add br0 mtu ${ORIGINALS_MTU} type bridge stp_state 0 mcast_snooping 0`,
    "link set br0 addrgenmode none",
    ...["acc0", "core0"].flatMap((port) => [`link set ${port} master br0`, `link set ${port} promisc on`]),
  );
  // Nothing that adds frames of its own, or looks into the IP packets that it carries.
  await edge.sysctl({ "net.ipv6.conf.br0.disable_ipv6": 1 });
  const filters = ["iptables", "ip6tables"].map((name) => `net.bridge.bridge-nf-call-${name}=0`);
  await edge.run(["sysctl", "-q", "-e", "-w", ...filters]);
  await edge.ip("link set br0 up");
}

async function buildMediation(lab: Lab, edge: Namespace, mediation: Namespace): Promise<void> {
  await mediation.sysctl({ "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0 });
  for (const [index, mtu] of ([1500, 9000] as const).entries()) {
    const { 4: ipv4, 6: ipv6 } = MEDIATION[mtu];
    const own = mtu === 1500 ? [`${EDGE.ipv4}/24`, `${EDGE.ipv6}/64`] : ["203.0.113.1/24", "2001:db8:a::1/64"];
    await lab.link(
      {
        namespace: edge,
        device: `med${index}`,
        mac: `02:00:5e:10:05:0${index * 2 + 1}`,
        mtu,
        addresses: own,
        neighbours: [ipv4, ipv6],
        transmit: "nic",
      },
      {
        namespace: mediation,
        device: `eth${index}`,
        mac: `02:00:5e:10:05:0${index * 2 + 2}`,
        mtu,
        addresses: [`${ipv4}/24`, `${ipv6}/64`],
        neighbours: own.map((address) => address.split("/")[0] ?? ""),
      },
    );
  }
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
