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

function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

/** The groups on one side of `::`, a dotted IPv4 tail as two of them. */
function ipv6Groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const tail = ipv4Bytes(group);
    return [tail.readUInt16BE(0), tail.readUInt16BE(2)];
  });
}

function ipv6Bytes(text: string): Buffer {
  const [head = "", tail] = text.split("::");
  const left = ipv6Groups(head);
  const right = tail === undefined ? [] : ipv6Groups(tail);
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
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
  if (!maskBytes(address.bytes, length).equals(address.bytes))
    return { problem: "has host bits set behind its prefix length" };
  return { ...address, length };
}

/** The one text of an address, IPv6 as in RFC 5952, so that equal addresses are equal strings. */
export function formatAddress(address: IpAddress): string {
  if (address.family === 4) return address.bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => address.bytes.readUInt16BE(index * 2));
  const gap = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  if (address.family === 4) return address.bytes[0] === 127;
  return address.bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
