/**
 * The prepended header of mirrored packets (INI-3), as a mediation device reads it: 8 bytes in network order, then the
 * packet from its IP header on. The bytes come from a network: nothing here throws, whatever they are.
 */

/** `auto`: the two version bits say which. `junos`: version 0 only. `nokia`: version 1 (with direction bit) only. */
export const HEADER_FORMATS = ["auto", "junos", "nokia"] as const;
export type HeaderFormat = (typeof HEADER_FORMATS)[number];

/** Seen from the subscriber. The Junos header does not tell. */
export type MirroredDirection = "from" | "to" | "unknown";

/** Why a datagram is no mirrored packet. */
export const MALFORMED_REASONS = ["short", "header-version", "inner-version"] as const;
export type MalformedReason = (typeof MALFORMED_REASONS)[number];

export interface MirroredDatagram {
  /** 30 bits, or 29 where the header carries a direction. */
  readonly interceptId: number;
  /** 32 bits. */
  readonly sessionId: number;
  readonly direction: MirroredDirection;
  /** From the IP header on; shares memory with the datagram. */
  readonly packet: Buffer;
  /** Bytes that the packet had before a snap length cut it, by its own IP header; never less than `packet` has. */
  readonly originalLength: number;
}

export const HEADER_LENGTH = 8;
const IPV6_HEADER_LENGTH = 40;

/** Reads one datagram; returns the reason where it is none of ours. */
export function parseDatagram(datagram: Buffer, format: HeaderFormat): MirroredDatagram | MalformedReason {
  if (datagram.length <= HEADER_LENGTH) return "short";
  const first = datagram.readUInt32BE(0);
  const version = first >>> 30;
  if (version > 1 || (format === "junos" && version !== 0) || (format === "nokia" && version !== 1)) {
    return "header-version";
  }
  const packet = datagram.subarray(HEADER_LENGTH);
  const ipVersion = packet.readUInt8(0) >>> 4;
  if (ipVersion !== 4 && ipVersion !== 6) return "inner-version";
  return {
    interceptId: version === 0 ? first : first & 0x1fff_ffff,
    sessionId: datagram.readUInt32BE(4),
    direction: version === 0 ? "unknown" : (first & 0x2000_0000) === 0 ? "from" : "to",
    packet,
    originalLength: Math.max(packet.length, lengthByHeader(packet, ipVersion)),
  };
}

/** What the IP header says of the packet's length; 0 where it is cut before the field or says nothing (jumbo). */
function lengthByHeader(packet: Buffer, ipVersion: 4 | 6): number {
  if (ipVersion === 4) return packet.length < 4 ? 0 : packet.readUInt16BE(2);
  const payload = packet.length < 6 ? 0 : packet.readUInt16BE(4);
  return payload === 0 ? 0 : IPV6_HEADER_LENGTH + payload;
}
