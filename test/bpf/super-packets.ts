/** Super-packets (GRO, TSO, USO) as a network card hands them to the kernel, and the packets that they stand for. */
import { pseudoSum } from "./checksum.js";
import type { Offload } from "./network.js";
import { ethernet, type Ipv4Header, type Ipv6Header, ipv4, ipv6, type LinkLayer } from "./packets.js";
import { type Ports, PROTOCOL, pattern, type TcpHeader, type Transport, tcp, udp } from "./transport.js";

export interface SuperPacket {
  readonly frame: Buffer;
  readonly offload: Offload;
  /** From their IP headers on. */
  readonly segments: readonly Buffer[];
}

export interface SuperPacketOptions {
  readonly family: 4 | 6;
  /** Of all segments together. */
  readonly payloadBytes: number;
  readonly segmentBytes: number;
  readonly header?: Ipv4Header & Ipv6Header;
  readonly ports?: Ports;
  /** A multiple of 4 bytes. */
  readonly tcpOptions?: Buffer;
  readonly link?: LinkLayer;
  /** Begins with its IP header. */
  readonly withoutLinkLayer?: boolean;
}

const ACK = 0x10;
const ACK_PUSH = 0x18;

/** Of TCP. The kernel counts IPv4 identifications up by one a segment, and puts PSH on the last only. */
export function superPacket(options: SuperPacketOptions): SuperPacket {
  const { family, ports, tcpOptions = Buffer.alloc(0) } = options;
  return cuttable(options, {
    kind: family === 4 ? "tcp4" : "tcp6",
    protocol: PROTOCOL.tcp,
    headerBytes: 20 + tcpOptions.length,
    checksumAt: 16,
    transport(payload, offset, last) {
      const header: TcpHeader = { sequence: 1000 + offset, flags: last ? ACK_PUSH : ACK, options: tcpOptions };
      return tcp({ ...header, ...ports }, payload);
    },
  });
}

/** Of UDP: each payload behind a header of its own (USO). */
export function superDatagram(options: Omit<SuperPacketOptions, "tcpOptions">): SuperPacket {
  return cuttable(options, {
    kind: "udp",
    protocol: PROTOCOL.udp,
    headerBytes: 8,
    checksumAt: 6,
    transport: (payload) => udp(options.ports, payload),
  });
}

interface Cut {
  readonly kind: "tcp4" | "tcp6" | "udp";
  readonly protocol: number;
  readonly headerBytes: number;
  /** Where the checksum stands in the transport header. */
  readonly checksumAt: number;
  transport(payload: Buffer, offset: number, last: boolean): Transport;
}

function cuttable(options: SuperPacketOptions, cut: Cut): SuperPacket {
  const { family, payloadBytes, segmentBytes, header = {}, link = {} } = options;
  const payload = pattern(payloadBytes, 3);
  const id = header.id ?? 0x4000;
  const make = (offset: number, bytes: number, number: number): Buffer => {
    const piece = payload.subarray(offset, offset + bytes);
    const transport = cut.transport(piece, offset, offset + bytes >= payloadBytes);
    return family === 4 ? ipv4({ ...header, id: id + number }, transport) : ipv6(header, transport);
  };
  const segments: Buffer[] = [];
  for (let offset = 0; offset < payloadBytes; offset += segmentBytes)
    segments.push(make(offset, segmentBytes, offset / segmentBytes));
  const whole = make(0, payloadBytes, 0);
  const frame = options.withoutLinkLayer ? whole : ethernet(whole, link);
  const ipBytes = family === 4 ? 20 : 40;
  const start = frame.length - whole.length + ipBytes;
  // What is left to complete begins with the pseudo header's sum in place of the checksum.
  const partial = partialChecksum(frame.subarray(start - ipBytes), family, cut.protocol);
  frame.writeUInt16BE(partial, start + cut.checksumAt);
  const segment = { kind: cut.kind, bytes: segmentBytes, headerBytes: start + cut.headerBytes };
  return { frame, offload: { checksumStart: start, checksumOffset: cut.checksumAt, segment }, segments };
}

function partialChecksum(packet: Buffer, family: 4 | 6, protocol: number): number {
  const [source, destination, bytes] =
    family === 4
      ? [packet.subarray(12, 16), packet.subarray(16, 20), 20]
      : [packet.subarray(8, 24), packet.subarray(24, 40), 40];
  let sum = pseudoSum(source, destination, protocol, packet.length - bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** A single packet whose transport checksum is left to be completed, as a locally made one's is. */
export function uncheckedPacket(
  packet: Buffer,
  checksumAt: number,
  link: LinkLayer = {},
): Pick<SuperPacket, "frame" | "offload"> {
  const family = (packet[0] ?? 0) >> 4 === 6 ? 6 : 4;
  const bytes = family === 4 ? 20 : 40;
  const protocol = packet[family === 4 ? 9 : 6] ?? 0;
  const addresses = family === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const half = addresses.length / 2;
  let sum = pseudoSum(addresses.subarray(0, half), addresses.subarray(half), protocol, packet.length - bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const left = Buffer.from(packet);
  left.writeUInt16BE(sum, bytes + checksumAt);
  const frame = ethernet(left, link);
  return { frame, offload: { checksumStart: frame.length - packet.length + bytes, checksumOffset: checksumAt } };
}
