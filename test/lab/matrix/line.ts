/**
 * A subscriber's line through the edge, bridged from access to core, so that frames of every kind pass unchanged:
 *
 *   subscriber --acc0--[br0]--core0-- server
 *
 * Offloads are off where the edge sends, so that all that leaves it is as on a wire; subscriber and server may send
 * super-packets.
 */
import { readFileSync } from "node:fs";
import type { Offload } from "../../bpf/network.js";
import type { Lab } from "../parts/lab.js";
import type { Namespace } from "../parts/namespace.js";
import { inNamespace } from "../parts/netns.js";
import { FrameReceiver, FrameSender } from "../parts/packet-socket.js";

export const MAC = { subscriber: "02:00:5e:10:01:02", server: "02:00:5e:10:03:02" } as const;

/** Room for two tags and PPPoE around 9000 bytes. */
const MTU = 9100;
const END = "eth0";

/** Where frames are put in: at one of the ends, or by the edge itself on its access interface. */
export type Entry = "subscriber" | "server" | "edge";

export class Line {
  readonly #senders: Readonly<Record<Entry, FrameSender>>;
  readonly #receivers: Readonly<Record<"subscriber" | "server", FrameReceiver>>;

  /** `number`: of its devices. Made by a process that is in the edge's network namespace. */
  private constructor(
    readonly number: number,
    subscriber: Namespace,
    server: Namespace,
  ) {
    this.#senders = {
      subscriber: inNamespace(subscriber, () => new FrameSender(END)),
      server: inNamespace(server, () => new FrameSender(END)),
      edge: new FrameSender(`acc${number}`),
    };
    this.#receivers = {
      subscriber: inNamespace(subscriber, () => new FrameReceiver(END)),
      server: inNamespace(server, () => new FrameReceiver(END)),
    };
  }

  static async build(lab: Lab, edge: Namespace, number: number): Promise<() => Line> {
    const subscriber = await lab.namespace(`subscriber${number}`);
    const server = await lab.namespace(`server${number}`);
    const far = { device: END, mtu: MTU };
    const near = { namespace: edge, mtu: MTU, transmit: "nic" as const };
    const [access, core, bridge] = [`acc${number}`, `core${number}`, `br${number}`];
    await lab.link(
      { ...near, device: access, mac: `02:00:5e:11:0${number}:01` },
      { ...far, namespace: subscriber, mac: MAC.subscriber },
    );
    await lab.link(
      { ...near, device: core, mac: `02:00:5e:13:0${number}:01` },
      { ...far, namespace: server, mac: MAC.server },
    );
    await edge.ip(
      `link add ${bridge} mtu ${MTU} type bridge stp_state 0 mcast_snooping 0`,
      ...[access, core].flatMap((port) => [`link set ${port} master ${bridge}`, `link set ${port} promisc on`]),
    );
    // Nothing that adds frames of its own, or looks into the IP packets that it carries.
    await edge.sysctl({ [`net.ipv6.conf.${bridge}.disable_ipv6`]: 1 });
    const filters = ["iptables", "ip6tables"].map((name) => `net.bridge.bridge-nf-call-${name}=0`);
    await edge.run(["sysctl", "-q", "-e", "-w", ...filters]);
    await edge.ip(`link set ${bridge} up`);
    return () => new Line(number, subscriber, server);
  }

  /** Throws LabError where the kernel refuses the frame. */
  send(into: Entry, frame: Buffer, offload?: Offload): void {
    this.#senders[into].send(frame, offload);
  }

  /** Returns the errno's name where the kernel refuses the frame. */
  trySend(into: Entry, frame: Buffer, offload?: Offload): string | undefined {
    return this.#senders[into].trySend(frame, offload);
  }

  /** Frames that have come to the subscriber or the server. */
  arrived(at: "subscriber" | "server"): Buffer[] {
    return this.#receivers[at].drain();
  }

  /** Packets that the edge has taken in from there; a super-packet is one. */
  takenIn(from: "subscriber" | "server"): number {
    const device = `${from === "subscriber" ? "acc" : "core"}${this.number}:`;
    const lines = readFileSync("/proc/self/net/dev", "utf8").split("\n");
    const counters = lines.find((line) => line.trimStart().startsWith(device))?.split(":")[1];
    return Number(counters?.trim().split(/\s+/)[1]);
  }

  close(): void {
    for (const socket of [...Object.values(this.#senders), ...Object.values(this.#receivers)]) socket.close();
  }
}
