/**
 * What a mediation device is sent: the datagram around a mirrored packet, built by the RFCs and taken apart again.
 * Independent of the product's own encoders.
 */
import { checksum, pseudoSum, sumsUp } from "./checksum.js";
import { addressBytes, ipv4, ipv6, PROTOCOL } from "./packets.js";
import type { Transport } from "./transport.js";

export interface Outer {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly ttl: number;
  readonly dscp: number;
  /** The 8 bytes behind the UDP header. */
  readonly shim: Buffer;
  readonly udpChecksum: "zero" | "computed";
}

/** Junos: two bits of zero, 30 bits of intercept id, 32 bits of session id. */
export function junosShim(interceptId: number, sessionId: number): Buffer {
  const shim = Buffer.alloc(8);
  shim.writeUInt32BE(interceptId, 0);
  shim.writeUInt32BE(sessionId, 4);
  return shim;
}

/** Nokia: two bits of 01, one of direction (1: to the subscriber), 29 bits of intercept id, 32 bits of session id. */
export function nokiaShim(interceptId: number, sessionId: number, direction: "from" | "to"): Buffer {
  const shim = junosShim(interceptId, sessionId);
  shim[0] = (shim[0] ?? 0) | (direction === "to" ? 0x60 : 0x40);
  return shim;
}

function outerUdp(outer: Outer, inner: Buffer): Transport {
  return {
    protocol: PROTOCOL.udp,
    between(source, destination) {
      const header = Buffer.alloc(8);
      header.writeUInt16BE(outer.sourcePort, 0);
      header.writeUInt16BE(outer.destinationPort, 2);
      header.writeUInt16BE(8 + 8 + inner.length, 4);
      const bytes = Buffer.concat([header, outer.shim, inner]);
      if (outer.udpChecksum === "zero") return bytes;
      const pseudo = pseudoSum(source, destination, PROTOCOL.udp, bytes.length);
      bytes.writeUInt16BE(checksum(bytes, pseudo) || 0xffff, 6);
      return bytes;
    },
  };
}

/** The datagram from its IP header on. `id`: IPv4 identification, which is the sender's to choose. */
export function datagram(outer: Outer, inner: Buffer, id = 0): Buffer {
  const { source, destination, ttl, dscp } = outer;
  const transport = outerUdp(outer, inner);
  return addressBytes(destination).length === 4
    ? ipv4({ source, destination, tos: dscp << 2, id, ttl }, transport)
    : ipv6({ source, destination, trafficClass: dscp << 2, hopLimit: ttl }, transport);
}

export interface Decapsulated {
  readonly family: 4 | 6;
  readonly source: Buffer;
  readonly destination: Buffer;
  readonly ports: readonly [source: number, destination: number];
  readonly shim: Buffer;
  readonly inner: Buffer;
  /** False where there is a checksum and it is wrong. */
  readonly checksumRight: boolean;
}

/** What a mediation device does with a datagram that is not a fragment; `packet` from its IP header on. */
export function decapsulate(packet: Buffer): Decapsulated {
  const family = (packet[0] ?? 0) >> 4 === 6 ? 6 : 4;
  const headerBytes = family === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const [source, destination] =
    family === 4
      ? [packet.subarray(12, 16), packet.subarray(16, 20)]
      : [packet.subarray(8, 24), packet.subarray(24, 40)];
  if (packet[family === 4 ? 9 : 6] !== PROTOCOL.udp) throw new Error("not UDP");
  const udp = packet.subarray(headerBytes);
  if (udp.readUInt16BE(4) !== udp.length) throw new Error("the UDP length is wrong");
  const checked = udp.readUInt16BE(6) !== 0;
  return {
    family,
    source,
    destination,
    ports: [udp.readUInt16BE(0), udp.readUInt16BE(2)],
    shim: udp.subarray(8, 16),
    inner: udp.subarray(16),
    checksumRight: !checked || sumsUp(udp, pseudoSum(source, destination, PROTOCOL.udp, udp.length)),
  };
}

/** An IP packet that arrived in fragments. IPv4 header without options. */
export function reassemble(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  if (!first) throw new Error("no fragments");
  return (first[0] ?? 0) >> 4 === 6 ? reassemble6(pieces) : reassemble4(pieces);
}

export interface Received {
  /** From the IP header on; the IPv4 identification, which is the sender's to choose, as zero. */
  readonly packet: Buffer;
  /** Number of frames that it came in. */
  readonly frames: number;
}

/** Packets, some of them fragments, as the receiver's kernel makes them whole, in the order of their first frames. */
export function received(packets: readonly Buffer[]): Received[] {
  const groups = new Map<string, Buffer[]>();
  packets.forEach((packet, index) => {
    const key = fragmentKey(packet) ?? `whole ${index}`;
    groups.set(key, [...(groups.get(key) ?? []), packet]);
  });
  return [...groups].map(([key, pieces]) => {
    for (const piece of pieces) if (!headerSumsUp(piece)) throw new Error("an IPv4 header checksum is wrong");
    const [first] = pieces as [Buffer];
    return { packet: withoutId(key.startsWith("whole") ? first : reassemble(pieces)), frames: pieces.length };
  });
}

/** What the fragments of one packet have in common; undefined for a packet that is none. */
function fragmentKey(packet: Buffer): string | undefined {
  const isIpv6 = (packet[0] ?? 0) >> 4 === 6;
  if (isIpv6) return packet[6] === 44 ? packet.toString("hex", 8, 40) + packet.toString("hex", 44, 48) : undefined;
  return (packet.readUInt16BE(6) & 0x3fff) === 0 ? undefined : packet.toString("hex", 12, 20) + packet.readUInt16BE(4);
}

function headerSumsUp(packet: Buffer): boolean {
  const [first = 0] = packet;
  return first >> 4 !== 4 || sumsUp(packet.subarray(0, (first & 15) * 4));
}

export function withoutId(packet: Buffer): Buffer {
  if ((packet[0] ?? 0) >> 4 === 6) return packet;
  const bytes = Buffer.from(packet);
  bytes.writeUInt32BE(bytes.readUInt16BE(6), 4);
  bytes.writeUInt16BE(0, 10);
  bytes.writeUInt16BE(checksum(bytes.subarray(0, 20)), 10);
  return bytes;
}

interface Piece {
  readonly offset: number;
  readonly more: boolean;
  readonly payload: Buffer;
}

function joined(pieces: readonly Piece[]): Buffer {
  let at = 0;
  const ordered = pieces.toSorted((a, b) => a.offset - b.offset);
  for (const { offset, more, payload } of ordered) {
    if (offset !== at) throw new Error(`a fragment begins at ${offset}, ${at} expected`);
    at += payload.length;
    if (more && payload.length % 8 !== 0) throw new Error("a fragment is not of a multiple of 8 bytes");
    if (more !== (ordered.at(-1)?.offset !== offset)) throw new Error("the more-fragments bit is wrong");
  }
  return Buffer.concat(ordered.map(({ payload }) => payload));
}

function reassemble4(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces as [Buffer];
  if (new Set(pieces.map((piece) => piece.readUInt16BE(4))).size !== 1) throw new Error("identifications differ");
  const payload = joined(
    pieces.map((piece) => ({
      offset: (piece.readUInt16BE(6) & 0x1fff) * 8,
      more: (piece.readUInt16BE(6) & 0x2000) !== 0,
      payload: piece.subarray(20, piece.readUInt16BE(2)),
    })),
  );
  const header = Buffer.from(first.subarray(0, 20));
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(0, 6);
  header.writeUInt16BE(0, 10);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

function reassemble6(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces as [Buffer];
  if (pieces.some((piece) => piece[6] !== 44)) throw new Error("not a fragment");
  if (new Set(pieces.map((piece) => piece.readUInt32BE(44))).size !== 1) throw new Error("identifications differ");
  const payload = joined(
    pieces.map((piece) => ({
      offset: piece.readUInt16BE(42) & 0xfff8,
      more: (piece.readUInt16BE(42) & 1) !== 0,
      payload: piece.subarray(48, 40 + piece.readUInt16BE(4)),
    })),
  );
  const header = Buffer.from(first.subarray(0, 40));
  header.writeUInt16BE(payload.length, 4);
  header[6] = first[40] ?? 0;
  return Buffer.concat([header, payload]);
}
