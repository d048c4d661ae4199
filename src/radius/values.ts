/** Attribute values as the strings that FreeRADIUS's own modules write, and back. */

import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { AttributeDefinition, ValueType } from "./dictionary.js";
import { RadiusError } from "./errors.js";

/** `0x` and lower-case hex digits: how octets are written, and any value whose length does not fit its type. */
export function hex(value: Buffer): string {
  return `0x${value.toString("hex")}`;
}

interface ValueFormat {
  /** Undefined where the bytes are not of this type. */
  read(value: Buffer): string | undefined;
  /** Undefined where the text is not of this type. */
  write(text: string): Buffer | undefined;
}

const FORMATS: Readonly<Record<ValueType, ValueFormat>> = {
  string: { read: readText, write: (text) => Buffer.from(text, "utf8") },
  octets: { read: hex, write: writeHex },
  tlv: { read: hex, write: writeHex },
  ipaddr: { read: readIpv4, write: (text) => (isIPv4(text) ? addressBytes(text) : undefined) },
  ipv6addr: { read: readIpv6, write: (text) => (isIPv6(text) ? addressBytes(text) : undefined) },
  "combo-ip": {
    read: (value) => readIpv4(value) ?? readIpv6(value),
    write: (text) => (isIPv4(text) || isIPv6(text) ? addressBytes(text) : undefined),
  },
  ipv4prefix: { read: (value) => readPrefix(value, 4, false), write: (text) => writePrefix(text, 4) },
  ipv6prefix: { read: (value) => readPrefix(value, 16, true), write: (text) => writePrefix(text, 16) },
  byte: unsigned(1),
  short: unsigned(2),
  integer: unsigned(4),
  integer64: unsigned(8),
  signed: {
    read: (value) => (value.length === 4 ? String(value.readInt32BE(0)) : undefined),
    write: (text) => {
      const number = Number(text);
      if (!/^-?\d+$/.test(text) || number < -(2 ** 31) || number >= 2 ** 31) return undefined;
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(number);
      return bytes;
    },
  },
  date: { read: readDate, write: writeDate },
  ether: {
    read: (value) => (value.length === 6 ? (value.toString("hex").match(/../g) as string[]).join(":") : undefined),
    write: (text) => (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? hexDigits(text) : undefined),
  },
  ifid: {
    read: (value) => (value.length === 8 ? (value.toString("hex").match(/..../g) as string[]).join(":") : undefined),
    write: (text) => (/^([0-9a-f]{4}:){3}[0-9a-f]{4}$/i.test(text) ? hexDigits(text) : undefined),
  },
};

/** The value as text. Never throws: what does not fit the attribute's type is written as `octets`. */
export function valueToText(definition: AttributeDefinition, value: Buffer): string {
  const bytes = definition.tagged ? withoutTag(definition, value) : value;
  const text = FORMATS[definition.type].read(bytes);
  if (text === undefined) return hex(value);
  if (definition.names.size === 0 || !/^\d+$/.test(text)) return text;
  return definition.names.get(BigInt(text)) ?? text;
}

/** The bytes of a value given as text, by VALUE name, or `0x` and hex digits. Throws RadiusError "value". */
export function valueFromText(definition: AttributeDefinition, text: string): Buffer {
  const number = definition.numbers.get(text);
  const bytes = FORMATS[definition.type].write(number === undefined ? text : String(number));
  if (bytes !== undefined) return bytes;
  throw new RadiusError("value", `${definition.name} is not of the type ${definition.type}`);
}

/** RFC 2868 section 3: integers keep the tag in the first of their four bytes, strings have one when it is below 0x20. */
function withoutTag(definition: AttributeDefinition, value: Buffer): Buffer {
  if (definition.type === "integer" && value.length === 4) {
    const bytes = Buffer.from(value);
    bytes[0] = 0;
    return bytes;
  }
  return (value[0] ?? 0xff) <= 0x1f ? value.subarray(1) : value;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that is not UTF-8 keeps its identity: bytes outside printable ASCII become `\ooo`. */
function readText(value: Buffer): string {
  try {
    return UTF8.decode(value);
  } catch {
    return [...value].map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : octal(byte))).join("");
  }
}

function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, "0")}`;
}

function writeHex(text: string): Buffer | undefined {
  return /^0x([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text.slice(2), "hex") : undefined;
}

function hexDigits(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

function readIpv4(value: Buffer): string | undefined {
  return value.length === 4 ? value.join(".") : undefined;
}

function readIpv6(value: Buffer): string | undefined {
  return value.length === 16 ? new ipaddr.IPv6([...value]).toRFC5952String() : undefined;
}

function addressBytes(text: string): Buffer {
  return Buffer.from(ipaddr.parse(text).toByteArray());
}

/**
 * RFC 3162 section 2.3 and RFC 8044 section 3.11: a reserved byte, the length in bits, as many bytes of the prefix as the
 * sender likes (IPv6) or all four (IPv4). Bits beyond the length are written as zero.
 */
function readPrefix(value: Buffer, addressLength: 4 | 16, mayBeShort: boolean): string | undefined {
  const bits = value[1];
  const given = value.subarray(2);
  if (bits === undefined || bits > addressLength * 8 || given.length > addressLength) return undefined;
  if (mayBeShort ? given.length * 8 < bits : given.length !== addressLength) return undefined;
  const address = Buffer.concat([given], addressLength);
  for (let bit = bits; bit < addressLength * 8; bit++) {
    address[bit >>> 3] = (address[bit >>> 3] as number) & ~(0x80 >>> (bit & 7));
  }
  return `${addressLength === 4 ? readIpv4(address) : readIpv6(address)}/${bits}`;
}

function writePrefix(text: string, addressLength: 4 | 16): Buffer | undefined {
  const [address = "", length = ""] = text.split("/", 2);
  const bits = Number(length);
  if (!(addressLength === 4 ? isIPv4(address) : isIPv6(address))) return undefined;
  if (!/^\d{1,3}$/.test(length) || bits > addressLength * 8) return undefined;
  return Buffer.concat([Buffer.of(0, bits), addressBytes(address)]);
}

function unsigned(bytes: 1 | 2 | 4 | 8): ValueFormat {
  const limit = 1n << BigInt(bytes * 8);
  return {
    read: (value) => (value.length === bytes ? BigInt(hex(value)).toString() : undefined),
    write: (text) => {
      if (!/^\d{1,20}$/.test(text) || BigInt(text) >= limit) return undefined;
      return Buffer.from(
        BigInt(text)
          .toString(16)
          .padStart(bytes * 2, "0"),
        "hex",
      );
    },
  };
}

/** RFC 3339 in UTC; on the wire, seconds since 1970 in 32 bits. */
function readDate(value: Buffer): string | undefined {
  if (value.length !== 4) return undefined;
  return new Date(value.readUInt32BE(0) * 1000).toISOString().replace(".000Z", "Z");
}

function writeDate(text: string): Buffer | undefined {
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.floor(Date.parse(text) / 1000);
  if (!(seconds >= 0 && seconds <= 0xffff_ffff)) return undefined;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(seconds);
  return bytes;
}
