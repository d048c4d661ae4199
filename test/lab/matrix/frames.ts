/** The frames of a kind of traffic, and what must come of them: on the wire, and in the mirror. */
import type { Offload } from "../../bpf/network.js";
import {
  ethernet,
  fragments4,
  fragments6,
  type Ipv4Header,
  type Ipv6Header,
  ipv4,
  ipv6,
  type LinkLayer,
  REMOTE4,
  REMOTE6,
  SUBSCRIBER4,
  SUBSCRIBER6,
} from "../../bpf/packets.js";
import { type SuperPacketOptions, superDatagram, superPacket } from "../../bpf/super-packets.js";
import { echo, type Ports, pattern, raw, type Transport, tcp, udp } from "../../bpf/transport.js";
import { MAC } from "./bridged-edge.js";
import type { Traffic } from "./cells.js";

export interface Burst {
  readonly sent: readonly { readonly frame: Buffer; readonly offload?: Offload }[];
  /** As they leave the edge on the originals' way. */
  readonly frames: readonly Buffer[];
  /** The IP packets in them, which are to be mirrored. */
  readonly packets: readonly Buffer[];
}

const LINK_LAYERS: Readonly<Record<Traffic["link"], LinkLayer>> = {
  untagged: {},
  VLAN: { tags: [{ id: 100, priority: 5 }] },
  QinQ: { tags: [{ id: 100, priority: 3, type: 0x88a8 }, { id: 7 }] },
  PPPoE: { pppoe: 0x1234 },
  "PPPoE in QinQ": {
    tags: [
      { id: 101, type: 0x88a8 },
      { id: 8, priority: 1 },
    ],
    pppoe: 0x4321,
  },
};

const ETHERNET_MINIMUM = 60;
const NO_NEXT_HEADER = 59;
const PACKETS = 6;

/** Everything that a packet of this burst has in its headers. */
interface Headers {
  readonly family: 4 | 6;
  readonly link: LinkLayer;
  readonly ip: Ipv4Header & Ipv6Header;
  readonly ports: Ports;
}

/** `number` makes the packets of one burst differ from all others'. */
export function burstOf(traffic: Traffic, direction: "from" | "to", number: number): Burst {
  const headers = headersOf(traffic, direction, number);
  switch (traffic.size) {
    case "64":
      return singles(headers, [...packetsOf(headers, 64, number), ...paddedPackets(headers)]);
    case "1500":
    case "9000":
      return singles(headers, packetsOf(headers, Number(traffic.size), number));
    case "fragmented":
      return singles(headers, fragmentsOf(headers, number));
    case "GSO":
      return superPackets(headers);
  }
}

function headersOf({ link, family }: Traffic, direction: "from" | "to", number: number): Headers {
  const ends = family === 4 ? [SUBSCRIBER4, REMOTE4] : [SUBSCRIBER6, REMOTE6];
  const [source, destination] = inOrder(direction, ends);
  const [sourceMac, destinationMac] = inOrder(direction, [MAC.subscriber, MAC.server]);
  return {
    family,
    link: { ...LINK_LAYERS[link], source: sourceMac, destination: destinationMac },
    ip: { source, destination, id: number * 64, ttl: 61, hopLimit: 61, flowLabel: 0x12345 },
    ports: { sourcePort: 10_000 + number, destinationPort: 443 },
  };
}

function inOrder(direction: "from" | "to", [subscriber = "", remote = ""]: readonly string[]): [string, string] {
  return direction === "from" ? [subscriber, remote] : [remote, subscriber];
}

function inIp({ family, ip }: Headers, transport: Transport, nth = 0): Buffer {
  return family === 4 ? ipv4({ ...ip, id: (ip.id ?? 0) + nth }, transport) : ipv6(ip, transport);
}

/** IP packets of `bytes` each, of UDP, TCP and ICMP. */
function packetsOf(headers: Headers, bytes: number, number: number): Buffer[] {
  const { family, ports } = headers;
  const room = bytes - (family === 4 ? 20 : 40);
  return Array.from({ length: PACKETS }, (_, nth) => {
    const seed = number + nth * 17;
    const kinds = [
      () => udp(ports, pattern(room - 8, seed)),
      // 64 bytes hold no TCP segment with data behind an IPv6 header, but a bare one.
      () => tcp({ ...ports, sequence: seed * 10_000 }, pattern(room - 20, seed)),
      () => echo(family, pattern(room - 8, seed)),
    ];
    return inIp(headers, (kinds[nth % 3] as () => Transport)(), nth);
  });
}

/** Shorter than an Ethernet frame may be: what fills it up is not the subscriber's. */
function paddedPackets(headers: Headers): Buffer[] {
  const { family, ports } = headers;
  return [
    inIp(headers, family === 4 ? udp(ports, Buffer.from("tiny")) : raw(NO_NEXT_HEADER, Buffer.alloc(0)), PACKETS),
  ];
}

function fragmentsOf({ family, ip, ports }: Headers, number: number): Buffer[] {
  return [0, 1].flatMap((nth) => {
    const datagram = udp(ports, pattern(4000 + nth * 999, number + nth));
    if (family === 4) return fragments4({ ...ip, id: (ip.id ?? 0) + nth }, datagram, 1480);
    return fragments6(ip, datagram, 1448);
  });
}

function singles({ link }: Headers, packets: readonly Buffer[]): Burst {
  const frames = packets.map((packet) => ethernet(packet, { ...link, minimum: ETHERNET_MINIMUM }));
  return { sent: frames.map((frame) => ({ frame })), frames, packets };
}

/** Segments that fit a mediation path of 1500 bytes with the header in front, that do not, and jumbo ones; TCP and UDP. */
function superPackets(headers: Headers): Burst {
  const { family, link, ip, ports } = headers;
  const common: Omit<SuperPacketOptions, "payloadBytes" | "segmentBytes"> = { family, header: ip, ports, link };
  const of = (segmentBytes: number, payloadBytes: number, base: number): SuperPacketOptions => ({
    ...common,
    header: { ...ip, id: (ip.id ?? 0) + base },
    segmentBytes,
    payloadBytes,
  });
  const all = [
    superPacket(of(1380, 41 * 1380 + 7, 0)),
    superPacket({ ...of(1428, 20 * 1428, 50), tcpOptions: Buffer.from("0101080a0000000100000002", "hex") }),
    superPacket(of(8900, 7 * 8900 - 1, 80)),
    superDatagram(of(1380, 30 * 1380, 100)),
    superDatagram(of(1440, 10 * 1440 + 1, 140)),
  ];
  const packets = all.flatMap(({ segments }) => segments);
  const frames = packets.map((packet) => ethernet(packet, link));
  // The kernel has no way to cut a super-packet behind PPPoE: there are none, and the packets come one by one.
  const sent = link.pppoe === undefined ? all : frames.map((frame) => ({ frame }));
  return { sent, frames, packets };
}
