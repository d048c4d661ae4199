/** RADIUS packets as bytes: RFC 2865 section 3. Attributes keep their order and their bytes. */
import { RadiusError } from "./errors.js";

export const HEADER_BYTES = 20;
export const AUTHENTICATOR_BYTES = 16;
export const MAX_PACKET_BYTES = 4096;
export const MAX_VALUE_BYTES = 253;

export interface Attribute {
  /** 1 to 255. */
  readonly type: number;
  /** 0 to 253 bytes, without type and length. */
  readonly value: Buffer;
}

export interface Packet {
  readonly code: number;
  /** 0 to 255. */
  readonly identifier: number;
  /** 16 bytes. */
  readonly authenticator: Buffer;
  readonly attributes: readonly Attribute[];
}

export interface ReceivedPacket extends Packet {
  /** What was on the wire, as long as the header's length field says. */
  readonly bytes: Buffer;
}

/**
 * Reads a datagram. Bytes after the length that the header states are padding (RFC 2865 section 3) and are ignored.
 * The result refers to `datagram`'s memory. Throws RadiusError "malformed" or "too-long".
 */
export function decodePacket(datagram: Buffer): ReceivedPacket {
  if (datagram.length < HEADER_BYTES) throw malformed("the packet is shorter than its 20-byte header");
  const length = datagram.readUInt16BE(2);
  if (length < HEADER_BYTES) throw malformed("the length field is below 20");
  if (length > MAX_PACKET_BYTES) throw new RadiusError("too-long", "the length field is above 4096");
  if (length > datagram.length) throw malformed("the length field is above what arrived");
  const bytes = length === datagram.length ? datagram : datagram.subarray(0, length);
  return {
    code: datagram[0] as number,
    identifier: datagram[1] as number,
    authenticator: bytes.subarray(4, HEADER_BYTES),
    attributes: decodeAttributes(bytes),
    bytes,
  };
}

function decodeAttributes(bytes: Buffer): Attribute[] {
  const attributes: Attribute[] = [];
  let offset = HEADER_BYTES;
  while (offset < bytes.length) {
    const type = bytes[offset] as number;
    const length = bytes[offset + 1];
    if (length === undefined) throw malformed("an attribute ends before its length field");
    if (type === 0) throw malformed("an attribute has type 0");
    if (length < 2) throw malformed("an attribute's length is below 2");
    if (offset + length > bytes.length) throw malformed("an attribute reaches beyond the packet");
    attributes.push({ type, value: bytes.subarray(offset + 2, offset + length) });
    offset += length;
  }
  return attributes;
}

/** Lays a packet out in a buffer of its own. Throws RadiusError "too-long". */
export function encodePacket(packet: Packet): Buffer {
  const bytes = newPacket(packet, attributesLength(packet.attributes));
  writeAttributes(bytes, HEADER_BYTES, packet.attributes);
  return bytes;
}

/** The same with an attribute of `type` and `length` zero bytes in front, in place of all others of its type. */
export function encodePacketBehind(packet: Packet, type: number, length: number): Buffer {
  const bytes = newPacket(packet, 2 + length + attributesLength(packet.attributes, type));
  const first = HEADER_BYTES + 2;
  bytes[HEADER_BYTES] = type;
  bytes[HEADER_BYTES + 1] = 2 + length;
  bytes.fill(0, first, first + length);
  writeAttributes(bytes, first + length, packet.attributes, type);
  return bytes;
}

function attributesLength(attributes: readonly Attribute[], without?: number): number {
  let length = 0;
  for (const { type, value } of attributes) {
    if (value.length > MAX_VALUE_BYTES) throw new RadiusError("too-long", "an attribute is above 253 bytes");
    if (type !== without) length += 2 + value.length;
  }
  return length;
}

function newPacket(packet: Packet, attributesBytes: number): Buffer {
  const length = HEADER_BYTES + attributesBytes;
  if (length > MAX_PACKET_BYTES) throw new RadiusError("too-long", "the packet is above 4096 bytes");
  const bytes = Buffer.allocUnsafe(length);
  bytes[0] = packet.code;
  bytes[1] = packet.identifier;
  bytes.writeUInt16BE(length, 2);
  copy(packet.authenticator, bytes, 4);
  return bytes;
}

function writeAttributes(bytes: Buffer, start: number, attributes: readonly Attribute[], without?: number): void {
  let offset = start;
  for (const { type, value } of attributes) {
    if (type === without) continue;
    bytes[offset] = type;
    bytes[offset + 1] = 2 + value.length;
    copy(value, bytes, offset + 2);
    offset += 2 + value.length;
  }
}

/** Below this, a loop is faster than the call. */
const SMALL_BYTES = 48;

function copy(from: Buffer, to: Buffer, offset: number): void {
  if (from.length > SMALL_BYTES) from.copy(to, offset);
  else for (let i = 0; i < from.length; i++) to[offset + i] = from[i] as number;
}

export function firstAttribute(packet: Packet, type: number): Buffer | undefined {
  for (const attribute of packet.attributes) if (attribute.type === type) return attribute.value;
  return undefined;
}

export function hasAttribute(packet: Packet, type: number): boolean {
  return firstAttribute(packet, type) !== undefined;
}

function malformed(message: string): RadiusError {
  return new RadiusError("malformed", message);
}
