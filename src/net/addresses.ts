/** IP addresses and prefixes as bytes in network order. Text is checked by node:net: no "10.1", no octal. */
import { isIPv4, isIPv6 } from "node:net";

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

/** Writes the four bytes of a dotted address, which node:net has checked, from character `from` on. */
function writeIpv4(text: string, from: number, bytes: Buffer, at: number): void {
  let byte = 0;
  let offset = at;
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      bytes[offset++] = byte;
      byte = 0;
    } else byte = byte * 10 + (code - 0x30);
  }
  bytes[offset] = byte;
}

function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

/** Writes an IPv6 address that node:net has checked. Character by character: a rebuild reads millions of them. */
function writeIpv6(text: string, bytes: Buffer): void {
  let at = 0;
  let gap = -1;
  let group = 0;
  let digits = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : COLON;
    if (code === DOT) {
      writeIpv4(text, start, bytes, at);
      at += 4;
      digits = 0;
      break;
    }
    if (code !== COLON) {
      group = group * 16 + hexDigit(code);
      digits++;
      continue;
    }
    if (digits > 0) {
      bytes.writeUInt16BE(group & 0xffff, at);
      at += 2;
    } else if (index > 0 && text.charCodeAt(index - 1) === COLON && index < text.length) gap = at;
    group = 0;
    digits = 0;
    start = index + 1;
  }
  if (gap < 0) return;
  const behind = at - gap;
  bytes.copyWithin(bytes.length - behind, gap, at);
  bytes.fill(0, gap, bytes.length - behind);
}

function ipv4Bytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  writeIpv4(text, 0, bytes, 0);
  return bytes;
}

function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(16).fill(0);
  writeIpv6(text, bytes);
  return bytes;
}

/** Undefined where `text` is not an IP literal. An IPv6 zone (`%eth0`) is not accepted. */
export function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return isIPv4(text) ? { family: 4, bytes: ipv4Bytes(text) } : undefined;
  return isIPv6(text) && !text.includes("%") ? { family: 6, bytes: ipv6Bytes(text) } : undefined;
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

/** Whether a bit behind `length` is set. */
function hasHostBits(bytes: Buffer, length: number): boolean {
  for (let index = length >>> 3; index < bytes.length; index++) {
    const bits = Math.max(0, length - index * 8);
    if (((bytes[index] as number) & (0xff >>> bits)) !== 0) return true;
  }
  return false;
}

/** What is wrong with `text` as a prefix, or the prefix. Host bits must be zero. */
export function parsePrefix(text: string): IpPrefix | { readonly problem: string } {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const lengthText = slash < 0 ? undefined : text.slice(slash + 1);
  if (!address || lengthText?.includes("/")) return { problem: "is not an IP prefix (expected ADDRESS/LENGTH)" };
  const longest = address.family === 4 ? 32 : 128;
  const length = lengthText === undefined ? longest : Number(lengthText);
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText))
    return { problem: "has no prefix length behind the /" };
  if (length > longest) return { problem: `has a prefix length over ${longest}` };
  if (hasHostBits(address.bytes, length)) return { problem: "has host bits set behind its prefix length" };
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
