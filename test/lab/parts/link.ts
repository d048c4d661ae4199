/** Virtual cables (veth) whose two ends behave like the real NICs that they stand for. */

import { availableParallelism } from "node:os";
import type { Namespace } from "./namespace.js";
import { run } from "./run.js";

export interface LinkEnd {
  readonly namespace: Namespace;
  readonly device: string;
  readonly mac: string;
  /** With prefix length; either family. */
  readonly addresses?: readonly string[];
  /** Bytes from the IP header on; 1500 where absent. */
  readonly mtu?: number;
  /** Addresses behind the other end that resolve to its MAC without asking. */
  readonly neighbours?: readonly string[];
  /**
   * `nic`: packets leave one by one and with their checksums, as on a wire, so that a capture shows what a wire would.
   * `host` (where absent): veth's own way, super-packets of up to 64 KiB pass whole.
   */
  readonly transmit?: "nic" | "host";
  /** Join what arrives into super-packets (GRO) before the stack sees it. */
  readonly gro?: boolean;
}

/** Everything that would let a super-packet or an unfinished checksum out of the device. */
const TRANSMIT_OFFLOADS = [
  "tx",
  "sg",
  "tso",
  "gso",
  "tx-udp-segmentation",
  "tx-udp_tnl-segmentation",
  "tx-udp_tnl-csum-segmentation",
  "tx-gre-segmentation",
  "tx-gre-csum-segmentation",
  "tx-ipxip4-segmentation",
  "tx-ipxip6-segmentation",
  "tx-gso-list",
];

export async function makeLink(one: LinkEnd, other: LinkEnd): Promise<void> {
  const { namespace: a } = one;
  const { namespace: b } = other;
  const peer = `peer name ${other.device} netns ${b.name} address ${other.mac}`;
  await a.ip(`link add ${one.device} address ${one.mac} type veth ${peer}`);
  await bringUp(one, other);
  await bringUp(other, one);
}

async function bringUp(end: LinkEnd, peer: LinkEnd): Promise<void> {
  const { namespace, device, addresses = [], neighbours = [], mtu = 1500 } = end;
  if (end.transmit === "nic") {
    await namespace.run(["ethtool", "-K", device, ...TRANSMIT_OFFLOADS.flatMap((name) => [name, "off"])]);
  }
  await keepFlowsInOrder(end);
  if (end.gro === true) await namespace.run(["ethtool", "-K", device, "gro", "on"]);
  await namespace.ip(
    `link set ${device} mtu ${mtu} addrgenmode none up`,
    ...addresses.map((address) => `address add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`),
    ...neighbours.map((address) => `neighbour replace ${address} lladdr ${peer.mac} dev ${device} nud permanent`),
  );
}

/**
 * A NIC gives all packets of a flow to one core. A virtual cable gives each to the core that sent it, and a TCP sender
 * changes cores: without this, the lab itself would put packets out of order.
 */
async function keepFlowsInOrder({ namespace, device }: LinkEnd): Promise<void> {
  const allCores = (2n ** BigInt(availableParallelism()) - 1n).toString(16).replaceAll(/\B(?=(.{8})+$)/g, ",");
  const setting = `/sys/class/net/${device}/queues/rx-0/rps_cpus`;
  // This one time the /sys of the namespace is what is wanted.
  await run(["ip", "netns", "exec", namespace.name, "sh", "-c", `echo ${allCores} > ${setting}`]);
}
