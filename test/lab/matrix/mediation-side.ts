/** The mediation devices of the matrix: real sockets of a real kernel, which reassembles and checks sums. */
import { BatchSocket } from "../../../src/mediation/batch-socket.js";
import { LabError } from "../parts/errors.js";
import type { Lab } from "../parts/lab.js";
import type { Namespace } from "../parts/namespace.js";
import { inNamespace } from "../parts/netns.js";
import { FrameReceiver } from "../parts/packet-socket.js";

export const PORT = 30_030;
const RECEIVE_BUFFER = 64 * 1024 * 1024;
/** Far more than any burst of the tests. */
const MOST = 100_000;

/** The edge's source addresses. */
export const EDGE = { ipv4: "198.51.100.1", ipv6: "2001:db8:9::1" } as const;

export type MediationMtu = 1500 | 9000;

/** Mediation devices by the MTU of the path to them. */
export const MEDIATION: Readonly<Record<MediationMtu, { readonly 4: string; readonly 6: string }>> = {
  1500: { 4: "198.51.100.9", 6: "2001:db8:9::9" },
  9000: { 4: "203.0.113.9", 6: "2001:db8:a::9" },
};

const OWN: Readonly<Record<MediationMtu, readonly string[]>> = {
  1500: [`${EDGE.ipv4}/24`, `${EDGE.ipv6}/64`],
  9000: ["203.0.113.1/24", "2001:db8:a::1/64"],
};

export interface Datagram {
  /** Of the mediation device. */
  readonly address: string;
  readonly port: number;
  /** The 8 bytes in front of the packet. */
  readonly shim: Buffer;
  readonly packet: Buffer;
}

interface Sink {
  readonly address: string;
  readonly port: number;
  readonly socket: BatchSocket;
}

export class MediationSide {
  readonly #sinks: readonly Sink[];
  readonly #wires: readonly FrameReceiver[];

  private constructor(namespace: Namespace, ports: readonly number[]) {
    const addresses = Object.values(MEDIATION).flatMap((both) => Object.values(both));
    this.#sinks = addresses.flatMap((address) =>
      ports.map((port) => {
        const socket = inNamespace(namespace, () => new BatchSocket(address, port, RECEIVE_BUFFER));
        return { address, port, socket };
      }),
    );
    this.#wires = ["eth0", "eth1"].map((device) => inNamespace(namespace, () => new FrameReceiver(device)));
  }

  static async build(lab: Lab, edge: Namespace, ports: readonly number[]): Promise<() => MediationSide> {
    const namespace = await lab.namespace("mediation");
    await namespace.sysctl({ "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0 });
    for (const [index, mtu] of ([1500, 9000] as const).entries()) {
      const { 4: ipv4, 6: ipv6 } = MEDIATION[mtu];
      const near = { namespace: edge, device: `med${index}`, mac: `02:00:5e:15:0${index}:01`, mtu };
      const far = { namespace, device: `eth${index}`, mac: `02:00:5e:15:0${index}:02`, mtu };
      await lab.link(
        { ...near, addresses: OWN[mtu], neighbours: [ipv4, ipv6], transmit: "nic" },
        {
          ...far,
          addresses: [`${ipv4}/24`, `${ipv6}/64`],
          neighbours: OWN[mtu].map((address) => address.split("/")[0] ?? ""),
        },
      );
    }
    return () => new MediationSide(namespace, ports);
  }

  /** What has come, to all of them. Throws LabError where a socket lost something. */
  received(): Datagram[] {
    const datagrams: Datagram[] = [];
    for (const { address, port, socket } of this.#sinks) {
      const take = (datagram: Buffer): void => {
        const bytes = Buffer.from(datagram);
        datagrams.push({ address, port, shim: bytes.subarray(0, 8), packet: bytes.subarray(8) });
      };
      while (socket.receive(take) > 0)
        if (datagrams.length > MOST) throw new LabError(`more than ${MOST} datagrams at once: copies of copies?`);
      if (socket.drops > 0) throw new LabError(`a mediation device lost ${socket.drops} datagrams: receive buffer`);
    }
    return datagrams;
  }

  /** Frames that have come, as they were on the wire. What a kernel sends to groups of its own accord is left out. */
  onWires(): Buffer[] {
    const isToGroup = (frame: Buffer): boolean => (frame.readUInt8(0) & 1) === 1;
    return this.#wires.flatMap((wire) => wire.drain()).filter((frame) => !isToGroup(frame));
  }

  close(): void {
    for (const { socket } of this.#sinks) socket.close();
    for (const wire of this.#wires) wire.close();
  }
}
