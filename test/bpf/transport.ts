/** Transport headers with right checksums, as functions of the pseudo header that the IP header gives them. */
import { checksum, pseudoSum } from "./checksum.js";

export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;

export interface Transport {
  readonly protocol: number;
  /** The header and its payload, between these addresses (4 or 16 bytes each). */
  between(source: Buffer, destination: Buffer): Buffer;
}

/** Bytes that are taken as they are. */
export function raw(protocol: number, bytes: Buffer): Transport {
  return { protocol, between: () => bytes };
}

/** `length` bytes that differ from their neighbours, so that a shifted or missing byte shows. */
export function pattern(length: number, seed = 1): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + seed * 31 + (index >> 8)) & 0xff));
}

export interface Ports {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

function withPorts(header: Buffer, { sourcePort = 40_000, destinationPort = 53 }: Ports): Buffer {
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  return header;
}

/** UDP (RFC 768). A checksum that comes out as zero is sent as all ones. */
export function udp(ports: Ports = {}, payload: Buffer = pattern(20)): Transport {
  return {
    protocol: PROTOCOL.udp,
    between(source, destination) {
      const datagram = Buffer.concat([withPorts(Buffer.alloc(8), ports), payload]);
      datagram.writeUInt16BE(datagram.length, 4);
      const sum = pseudoSum(source, destination, PROTOCOL.udp, datagram.length);
      datagram.writeUInt16BE(checksum(datagram, sum) || 0xffff, 6);
      return datagram;
    },
  };
}

export interface TcpHeader extends Ports {
  readonly sequence?: number;
  readonly flags?: number;
  /** Of a multiple of 4 bytes, at most 40. */
  readonly options?: Buffer;
}

const TCP_ACK_PUSH = 0x18;

/** TCP (RFC 9293). */
export function tcp(header: TcpHeader = {}, payload: Buffer = pattern(20)): Transport {
  const { sequence = 1, flags = TCP_ACK_PUSH, options = Buffer.alloc(0) } = header;
  return {
    protocol: PROTOCOL.tcp,
    between(source, destination) {
      const fixed = withPorts(Buffer.alloc(20), { destinationPort: 443, ...header });
      fixed.writeUInt32BE(sequence, 4);
      fixed.writeUInt32BE(1, 8);
      fixed[12] = (5 + options.length / 4) << 4;
      fixed[13] = flags;
      fixed.writeUInt16BE(65_000, 14);
      const segment = Buffer.concat([fixed, options, payload]);
      const sum = pseudoSum(source, destination, PROTOCOL.tcp, segment.length);
      segment.writeUInt16BE(checksum(segment, sum), 16);
      return segment;
    },
  };
}

/** An echo request, ICMP (RFC 792) or ICMPv6 (RFC 4443) as the addresses ask. */
export function echo(family: 4 | 6, payload: Buffer = pattern(32)): Transport {
  const protocol = family === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6;
  return {
    protocol,
    between(source, destination) {
      const message = Buffer.concat([Buffer.from([family === 4 ? 8 : 128, 0, 0, 0, 0, 1, 0, 1]), payload]);
      const start = family === 4 ? 0 : pseudoSum(source, destination, protocol, message.length);
      message.writeUInt16BE(checksum(message, start), 2);
      return message;
    },
  };
}
