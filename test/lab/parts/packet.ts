/** What the lab needs to know of a packet: where its IP header is, its ends, its transport, whether its checksums are right. */
import { LabError } from "./errors.js";
import type { CapturedFrame } from "./pcap.js";

export const LINKTYPE_ETHERNET = 1;
const LINKTYPES_IP = [12, 101, 228, 229];
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_PPPOE_SESSION = 0x8864;
const ETHERTYPES_VLAN = [0x8100, 0x88a8, 0x9100];
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

/** The packet from its IP header on: behind VLAN tags and a PPPoE session header. Undefined where it is not IP. */
export function ipOf(frame: Pick<CapturedFrame, "linkType" | "data">): Buffer | undefined {
  const { linkType, data } = frame;
  if (LINKTYPES_IP.includes(linkType)) return data;
  if (linkType !== LINKTYPE_ETHERNET) throw new LabError(`captures of link type ${linkType} are not read here`);
  let at = 12;
  while (at + 4 <= data.length && ETHERTYPES_VLAN.includes(data.readUInt16BE(at))) at += 4;
  if (at + 2 > data.length) return undefined;
  const type = data.readUInt16BE(at);
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return data.subarray(at + 2);
  if (type !== ETHERTYPE_PPPOE_SESSION || at + 10 > data.length) return undefined;
  const protocol = data.readUInt16BE(at + 8);
  return protocol === PPP_IPV4 || protocol === PPP_IPV6 ? data.subarray(at + 10) : undefined;
}

export interface IpPacket {
  readonly version: 4 | 6;
  readonly source: Buffer;
  readonly destination: Buffer;
  /** IP protocol of what follows the IP header and its extensions. */
  readonly protocol: number;
  /** Offset of what follows. */
  readonly payloadAt: number;
  /** Offset behind the packet's last byte, by its own header. */
  readonly end: number;
  readonly fragment: boolean;
}

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;

/** Source address, 4 or 16 bytes, also of a packet that the capture cut behind its IP header. */
export function sourceAddress(packet: Buffer): Buffer {
  return packet.readUInt8(0) >>> 4 === 4 ? packet.subarray(12, 16) : packet.subarray(8, 24);
}

/** Undefined where it is no whole IP packet. */
export function parseIp(packet: Buffer): IpPacket | undefined {
  if (packet.length < 1) return undefined;
  const version = packet.readUInt8(0) >>> 4;
  if (version === 4 && packet.length >= 20) return parseIpv4(packet);
  if (version === 6 && packet.length >= 40) return parseIpv6(packet);
  return undefined;
}

function parseIpv4(packet: Buffer): IpPacket | undefined {
  const end = packet.readUInt16BE(2);
  const payloadAt = (packet.readUInt8(0) & 0xf) * 4;
  if (end > packet.length || payloadAt < 20 || payloadAt > end) return undefined;
  return {
    version: 4,
    source: packet.subarray(12, 16),
    destination: packet.subarray(16, 20),
    protocol: packet.readUInt8(9),
    payloadAt,
    end,
    fragment: (packet.readUInt16BE(6) & 0x3fff) !== 0,
  };
}

/** Hop-by-hop, routing, fragment, destination options. */
const IPV6_EXTENSIONS = [0, 43, 44, 60];

function parseIpv6(packet: Buffer): IpPacket | undefined {
  const end = 40 + packet.readUInt16BE(4);
  if (end > packet.length) return undefined;
  let protocol = packet.readUInt8(6);
  let payloadAt = 40;
  let fragment = false;
  while (IPV6_EXTENSIONS.includes(protocol) && payloadAt + 8 <= end && !fragment) {
    fragment = protocol === 44;
    const length = fragment ? 8 : 8 * (packet.readUInt8(payloadAt + 1) + 1);
    protocol = packet.readUInt8(payloadAt);
    payloadAt += length;
  }
  if (payloadAt > end) return undefined;
  return {
    version: 6,
    source: packet.subarray(8, 24),
    destination: packet.subarray(24, 40),
    protocol,
    payloadAt,
    end,
    fragment,
  };
}

/** RFC 1071 over `bytes`, added to `initial`; 0xffff where a checksum that is included is right. */
export function onesComplementSum(bytes: Buffer, initial = 0): number {
  let sum = initial;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += bytes.readUInt16BE(at);
  if (even !== bytes.length) sum += bytes.readUInt8(even) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const CHECKSUM_AT: Readonly<Record<number, number>> = {
  [PROTOCOL.icmp]: 2,
  [PROTOCOL.tcp]: 16,
  [PROTOCOL.udp]: 6,
  [PROTOCOL.icmp6]: 2,
};

/** Offset of the transport checksum within the packet; undefined where there is none that this packet alone tells. */
export function transportChecksumAt(ip: IpPacket): number | undefined {
  const within = CHECKSUM_AT[ip.protocol];
  return within === undefined || ip.fragment || ip.payloadAt + within + 2 > ip.end ? undefined : ip.payloadAt + within;
}

/** Whether IPv4 header checksum and transport checksum are right; those that are not there count as right. */
export function checksumsRight(packet: Buffer, ip: IpPacket): boolean {
  if (ip.version === 4 && onesComplementSum(packet.subarray(0, (packet.readUInt8(0) & 0xf) * 4)) !== 0xffff)
    return false;
  const at = transportChecksumAt(ip);
  if (at === undefined) return true;
  if (ip.protocol === PROTOCOL.udp && ip.version === 4 && packet.readUInt16BE(at) === 0) return true;
  const payload = packet.subarray(ip.payloadAt, ip.end);
  if (ip.protocol === PROTOCOL.icmp) return onesComplementSum(payload) === 0xffff;
  const addresses = onesComplementSum(Buffer.concat([ip.source, ip.destination]));
  return onesComplementSum(payload, addresses + payload.length + ip.protocol) === 0xffff;
}
