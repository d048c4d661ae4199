/**
 * The lab's map: two subscribers, the edge that they log in through, a server beyond it, the RADIUS server, the mediation
 * device. Each a namespace of its own, each on a link of its own to the edge.
 *
 *   alice (sub1) --acc1--+                +--core0-- server
 *                        |---- edge ------+--aaa0--- aaa
 *   bob   (sub2) --acc2--+                +--med0--- mediation
 */
import { raiseLimits } from "./host-tuning.js";
import { Lab } from "./lab.js";
import type { Namespace } from "./namespace.js";
import { PrefixSet } from "./prefix.js";

/** One subscriber: the addresses that RADIUS hands out, all of documentation ranges. */
export interface Subscriber {
  readonly name: "alice" | "bob";
  readonly namespace: Namespace;
  /** The edge's interface towards the subscriber. */
  readonly accessDevice: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly framedIpv6Prefix: string;
  readonly delegatedIpv6Prefix: string;
  /** An address out of the delegated prefix, as a host behind the subscriber's router would have. */
  readonly delegatedIpv6: string;
  readonly addresses: PrefixSet;
}

/** The subscriber's own interface, in its namespace. */
export const SUBSCRIBER_DEVICE = "eth0";

export const ADDRESS = {
  server: { ipv4: "203.0.113.2", ipv6: "2001:db8:ffff::2" },
  serverGateway: { ipv4: "203.0.113.1", ipv6: "2001:db8:ffff::1" },
  accessGateway: { ipv4: "100.64.0.1", ipv6: "2001:db8:f::1" },
  aaa: "192.0.2.2",
  edgeToAaa: "192.0.2.1",
  mediation: { ipv4: "198.51.100.9", ipv6: "2001:db8:9::9" },
  edgeToMediation: { ipv4: "198.51.100.1", ipv6: "2001:db8:9::1" },
} as const;

export interface TopologyOptions {
  /** MTU of the link to the mediation device: 1600 lets copies of 1500-byte packets pass whole, 1500 does not. */
  readonly mediationMtu?: number;
  /** MTU of everything on the originals' way. */
  readonly mtu?: number;
}

export interface Topology {
  readonly lab: Lab;
  readonly edge: Namespace;
  readonly server: Namespace;
  readonly aaa: Namespace;
  readonly mediation: Namespace;
  readonly alice: Subscriber;
  readonly bob: Subscriber;
}

export async function buildTopology(options: TopologyOptions = {}): Promise<Topology> {
  const lab = new Lab();
  try {
    const edge = await lab.namespace("edge");
    raiseLimits(lab);
    await edge.sysctl({
      "net.ipv4.ip_forward": 1,
      "net.ipv6.conf.all.forwarding": 1,
      "net.ipv4.conf.all.rp_filter": 0,
      // Packets that the edge itself sends to subscribers (time exceeded, say) must not be thinned out.
      "net.ipv4.icmp_ratelimit": 0,
    });
    const server = await buildServer(lab, edge, options);
    const aaa = await buildAaa(lab, edge);
    const mediation = await buildMediation(lab, edge, options);
    const alice = await buildSubscriber(lab, edge, "alice", 1, options);
    const bob = await buildSubscriber(lab, edge, "bob", 2, options);
    return { lab, edge, server, aaa, mediation, alice, bob };
  } catch (error) {
    lab.destroy();
    throw error;
  }
}

const mac = (link: number, end: number): string => `02:00:5e:10:0${link}:0${end}`;

async function buildSubscriber(
  lab: Lab,
  edge: Namespace,
  name: Subscriber["name"],
  number: number,
  { mtu }: TopologyOptions,
): Promise<Subscriber> {
  const namespace = await lab.namespace(`sub${number}`);
  const ipv4 = `100.64.0.${6 + number}`;
  const [framedIpv6Prefix, ipv6] = [`2001:db8:${number}::/64`, `2001:db8:${number}::2`];
  const [delegatedIpv6Prefix, delegatedIpv6] = [`2001:db8:${number}00::/56`, `2001:db8:${number}00::2`];
  const subscriber: Subscriber = {
    name,
    namespace,
    accessDevice: `acc${number}`,
    ipv4,
    ipv6,
    framedIpv6Prefix,
    delegatedIpv6Prefix,
    delegatedIpv6,
    addresses: new PrefixSet([`${ipv4}/32`, framedIpv6Prefix, delegatedIpv6Prefix]),
  };
  await connectSubscriber(lab, edge, subscriber, number, mtu);
  await limitFlight(namespace);
  return subscriber;
}

/** The link between subscriber and edge, with addresses and routes; also where it was there before. */
export async function connectSubscriber(
  lab: Lab,
  edge: Namespace,
  { namespace, accessDevice, ipv4, ipv6, delegatedIpv6, framedIpv6Prefix, delegatedIpv6Prefix }: Subscriber,
  number: number,
  mtu?: number,
): Promise<void> {
  const gateway = ADDRESS.accessGateway;
  const ends = { ...(mtu === undefined ? {} : { mtu }), transmit: "nic" as const };
  await lab.link(
    {
      ...ends,
      namespace: edge,
      device: accessDevice,
      mac: mac(number, 1),
      addresses: [`${gateway.ipv4}/32`, `${gateway.ipv6}/128`],
      neighbours: [ipv4, ipv6],
      gro: true,
    },
    {
      ...ends,
      namespace,
      device: SUBSCRIBER_DEVICE,
      mac: mac(number, 2),
      addresses: [`${ipv4}/32`, `${ipv6}/128`, `${delegatedIpv6}/128`],
      neighbours: [gateway.ipv4, gateway.ipv6],
    },
  );
  await edge.ip(
    `route add ${ipv4}/32 dev ${accessDevice}`,
    `route add ${framedIpv6Prefix} dev ${accessDevice}`,
    `route add ${delegatedIpv6Prefix} via ${ipv6} dev ${accessDevice}`,
  );
  await namespace.ip(
    `route add ${gateway.ipv4}/32 dev ${SUBSCRIBER_DEVICE}`,
    `route add default via ${gateway.ipv4} dev ${SUBSCRIBER_DEVICE} src ${ipv4}`,
    `route add ${gateway.ipv6}/128 dev ${SUBSCRIBER_DEVICE}`,
    `route add default via ${gateway.ipv6} dev ${SUBSCRIBER_DEVICE} src ${ipv6}`,
  );
}

async function buildServer(lab: Lab, edge: Namespace, { mtu }: TopologyOptions): Promise<Namespace> {
  const namespace = await lab.namespace("server");
  const { server, serverGateway: gateway } = ADDRESS;
  const ends = mtu === undefined ? {} : { mtu };
  await lab.link(
    {
      ...ends,
      namespace: edge,
      device: "core0",
      mac: mac(3, 1),
      addresses: [`${gateway.ipv4}/24`, `${gateway.ipv6}/64`],
      neighbours: [server.ipv4, server.ipv6],
    },
    {
      ...ends,
      namespace,
      device: "eth0",
      mac: mac(3, 2),
      addresses: [`${server.ipv4}/24`, `${server.ipv6}/64`],
      neighbours: [gateway.ipv4, gateway.ipv6],
    },
  );
  await namespace.ip(`route add default via ${gateway.ipv4}`, `route add default via ${gateway.ipv6}`);
  await limitFlight(namespace);
  return namespace;
}

async function buildAaa(lab: Lab, edge: Namespace): Promise<Namespace> {
  const namespace = await lab.namespace("aaa");
  const { aaa, edgeToAaa } = ADDRESS;
  await lab.link(
    { namespace: edge, device: "aaa0", mac: mac(4, 1), addresses: [`${edgeToAaa}/24`], neighbours: [aaa] },
    { namespace, device: "eth0", mac: mac(4, 2), addresses: [`${aaa}/24`], neighbours: [edgeToAaa] },
  );
  return namespace;
}

async function buildMediation(lab: Lab, edge: Namespace, { mediationMtu }: TopologyOptions): Promise<Namespace> {
  const namespace = await lab.namespace("mediation");
  const { mediation, edgeToMediation: gateway } = ADDRESS;
  const mtu = mediationMtu ?? 1600;
  await lab.link(
    {
      namespace: edge,
      device: "med0",
      mac: mac(5, 1),
      addresses: [`${gateway.ipv4}/24`, `${gateway.ipv6}/64`],
      neighbours: [mediation.ipv4, mediation.ipv6],
      transmit: "nic",
      mtu,
    },
    {
      namespace,
      device: "eth0",
      mac: mac(5, 2),
      addresses: [`${mediation.ipv4}/24`, `${mediation.ipv6}/64`],
      neighbours: [gateway.ipv4, gateway.ipv6],
      mtu,
    },
  );
  return namespace;
}

/**
 * Bounds what a TCP connection has under way to less than the queues of the virtual cables hold (256 packets where GRO
 * is on): a cable that loses packets would make the lab measure itself.
 */
async function limitFlight(namespace: Namespace): Promise<void> {
  await namespace.sysctl({ "net.ipv4.tcp_rmem": "4096 131072 524288", "net.ipv4.tcp_wmem": "4096 131072 524288" });
}
