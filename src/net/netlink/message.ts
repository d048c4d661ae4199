/** Netlink messages and their attributes as bytes (linux/netlink.h): native byte order, everything aligned to 4. Pure. */
import { NetlinkFormatError } from "./errors.js";

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Behind the 16-byte header. */
  readonly payload: Buffer;
}

/** Values by attribute type, without the flags for nesting and byte order. Of a repeated type the last. */
export type Attributes = ReadonlyMap<number, Buffer>;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const TYPE_MASK = 0x3fff;
const NESTED = 0x8000;

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** The messages of one or more datagrams. Throws NetlinkFormatError. */
export function parseMessages(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.length - at < HEADER_BYTES ? 0 : bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || length > bytes.length - at)
      throw new NetlinkFormatError(`A netlink message at byte ${at} has no valid length.`);
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** The attributes in `bytes` from `offset` on. Throws NetlinkFormatError. */
export function parseAttributes(bytes: Buffer, offset = 0): Attributes {
  const attributes = new Map<number, Buffer>();
  for (let at = offset; at < bytes.length; ) {
    const length = bytes.length - at < ATTRIBUTE_HEADER_BYTES ? 0 : bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || length > bytes.length - at)
      throw new NetlinkFormatError(`A netlink attribute at byte ${at} has no valid length.`);
    attributes.set(bytes.readUInt16LE(at + 2) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** A payload's fixed part. Throws NetlinkFormatError where there is less of it. */
export function fixedPart(payload: Buffer, length: number, what: string): Buffer {
  if (payload.length < length)
    throw new NetlinkFormatError(`A ${what} message of ${payload.length} bytes is shorter than ${length}.`);
  return payload.subarray(0, length);
}

/** A number of 16 bits, or undefined where the attribute is absent. Throws NetlinkFormatError. */
export function u16Attribute(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  if (value.length < 2) throw new NetlinkFormatError(`The netlink attribute ${type} is shorter than 2 bytes.`);
  return value.readUInt16LE();
}

/** A number of 32 bits, or undefined where the attribute is absent. Throws NetlinkFormatError. */
export function u32Attribute(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  if (value.length < 4) throw new NetlinkFormatError(`The netlink attribute ${type} is shorter than 4 bytes.`);
  return value.readUInt32LE();
}

/** A text that ends with a zero byte, or undefined where the attribute is absent. */
export function textAttribute(attributes: Attributes, type: number): string | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end < 0 ? value.length : end);
}

export function encodeMessage(type: number, flags: number, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + payload.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, payload]);
}

export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(ATTRIBUTE_HEADER_BYTES + aligned(value.length));
  bytes.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

export function nested(type: number, ...inner: readonly Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(inner));
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf8");
}
