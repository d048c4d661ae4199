/** IP addresses and prefixes as bytes in network order. Text is checked by node:net: no "10.1", no octal. */
import { isIP } from "node:net";

export interface IpAddress {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Buffer;
}

export interface IpPrefix extends IpAddress {
  /** 0 to 32 or 0 to 128. */
  readonly length: number;
}

const DOT = 0x2e;
const COLON = 0x3a;

/** The decimal digits of `text` from `start` on, group by group, into `bytes` from `at` on. `text` has passed isIP. */
function readDotted(text: string, start: number, bytes: Buffer, at: number): void {
  let value = 0;
  let next = at;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      bytes[next++] = value;
      value = 0;
    } else value = value * 10 + (code - 0x30);
  }
  bytes[next] = value;
}

function ipv4Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(4);
  readDotted(text, 0, bytes, 0);
  return bytes;
}

/** `text` has passed isIP. Written for speed: every login brings a few of these. */
function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  /** Where the next group goes, and where `::` was. */
  let next = 0;
  let gap = -1;
  let value = 0;
  let groupStart = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : COLON;
    if (code === DOT) {
      readDotted(text, groupStart, bytes, next);
      next += 4;
      break;
    }
    if (code !== COLON) {
      value = value * 16 + (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57);
      continue;
    }
    if (index > groupStart) {
      bytes[next++] = value >> 8;
      bytes[next++] = value & 0xff;
    } else if (index > 0 && index < text.length) gap = next;
    value = 0;
    groupStart = index + 1;
  }
  if (gap >= 0) {
    bytes.copyWithin(16 - (next - gap), gap, next);
    bytes.fill(0, gap, 16 - (next - gap));
  }
  return bytes;
}

/** Undefined where `text` is not an IP literal. An IPv6 zone (`%eth0`) is not accepted. */
export function parseAddress(text: string): IpAddress | undefined {
  switch (isIP(text)) {
    case 4:
      return { family: 4, bytes: ipv4Bytes(text) };
    case 6:
      return text.includes("%") ? undefined : { family: 6, bytes: ipv6Bytes(text) };
    default:
      return undefined;
  }
}

/** Zeroes the bits of `bytes` behind `length`; a copy. */
export function maskBytes(bytes: Buffer, length: number): Buffer {
  const masked = Buffer.from(bytes);
  for (let index = 0; index < masked.length; index++) {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    masked[index] = (masked[index] ?? 0) & (0xff << (8 - bits));
  }
  return masked;
}

/** Whether a bit of `bytes` behind `length` is set. */
function hasBitsBehind(bytes: Buffer, length: number): boolean {
  for (let index = length >> 3; index < bytes.length; index++) {
    const kept = Math.max(0, length - index * 8);
    if (((bytes[index] ?? 0) & (0xff >> kept)) !== 0) return true;
  }
  return false;
}

/** What is wrong with `text` as a prefix, or the prefix. Host bits must be zero. */
export function parsePrefix(text: string): IpPrefix | { readonly problem: string } {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const address = parseAddress(addressText);
  if (!address || rest.length > 0) return { problem: "is not an IP prefix (expected ADDRESS/LENGTH)" };
  const longest = address.family === 4 ? 32 : 128;
  const length = lengthText === undefined ? longest : Number(lengthText);
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText))
    return { problem: "has no prefix length behind the /" };
  if (length > longest) return { problem: `has a prefix length over ${longest}` };
  if (hasBitsBehind(address.bytes, length)) return { problem: "has host bits set behind its prefix length" };
  return { ...address, length };
}

/** The one text of an address, IPv6 as in RFC 5952, so that equal addresses are equal strings. */
export function formatAddress({ family, bytes }: IpAddress): string {
  if (family === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  const gap = longestZeroRun(bytes);
  let text = "";
  for (let group = 0; group < 8; group++) {
    if (group === gap.start && gap.length > 1) {
      text += "::";
      group += gap.length - 1;
    } else {
      if (text !== "" && !text.endsWith(":")) text += ":";
      text += (((bytes[group * 2] ?? 0) << 8) | (bytes[group * 2 + 1] ?? 0)).toString(16);
    }
  }
  return text;
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  if (address.family === 4) return address.bytes[0] === 127;
  return address.bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** In groups of 16 bits; of equally long ones the first. */
function longestZeroRun(bytes: Buffer): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let group = 0; group < 8; group++) {
    if (bytes[group * 2] !== 0 || bytes[group * 2 + 1] !== 0) start = group + 1;
    else if (group + 1 - start > best.length) best = { start, length: group + 1 - start };
  }
  return best;
}
