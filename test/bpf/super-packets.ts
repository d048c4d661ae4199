/** TCP super-packets (GRO, TSO) as a network card hands them to the kernel, and the segments that they stand for. */
import { pseudoSum } from "./checksum.js";
import type { Offload } from "./network.js";
import { ethernet, type Ipv4Header, type Ipv6Header, ipv4, ipv6, type LinkLayer } from "./packets.js";
import { PROTOCOL, pattern, tcp } from "./transport.js";

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
  /** A multiple of 4 bytes. */
  readonly tcpOptions?: Buffer;
  readonly link?: LinkLayer;
  /** Begins with its IP header. */
  readonly withoutLinkLayer?: boolean;
}

const ACK = 0x10;
const ACK_PUSH = 0x18;

/** The kernel counts IPv4 identifications up by one a segment, and puts PSH on the last only. */
export function superPacket(options: SuperPacketOptions): SuperPacket {
  const { family, payloadBytes, segmentBytes, header = {}, tcpOptions = Buffer.alloc(0), link = {} } = options;
  const payload = pattern(payloadBytes, 3);
  const id = header.id ?? 0x4000;
  const make = (offset: number, bytes: number, last: boolean, number: number): Buffer => {
    const transport = tcp(
      { sequence: 1000 + offset, flags: last ? ACK_PUSH : ACK, options: tcpOptions },
      payload.subarray(offset, offset + bytes),
    );
    return family === 4 ? ipv4({ ...header, id: id + number }, transport) : ipv6(header, transport);
  };
  const segments: Buffer[] = [];
  for (let offset = 0; offset < payloadBytes; offset += segmentBytes)
    segments.push(make(offset, segmentBytes, offset + segmentBytes >= payloadBytes, offset / segmentBytes));
  const whole = make(0, payloadBytes, true, 0);
  const frame = options.withoutLinkLayer ? whole : ethernet(whole, link);
  const ipBytes = family === 4 ? 20 : 40;
  const start = frame.length - whole.length + ipBytes;
  // What is left to complete begins with the pseudo header's sum in place of the checksum.
  frame.writeUInt16BE(partialChecksum(frame.subarray(start - ipBytes), family), start + 16);
  return {
    frame,
    offload: {
      checksumStart: start,
      checksumOffset: 16,
      segment: {
        kind: family === 4 ? "tcp4" : "tcp6",
        bytes: segmentBytes,
        headerBytes: start + 20 + tcpOptions.length,
      },
    },
    segments,
  };
}

function partialChecksum(packet: Buffer, family: 4 | 6): number {
  const [source, destination, bytes] =
    family === 4
      ? [packet.subarray(12, 16), packet.subarray(16, 20), 20]
      : [packet.subarray(8, 24), packet.subarray(24, 40), 40];
  let sum = pseudoSum(source, destination, PROTOCOL.tcp, packet.length - bytes);
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
