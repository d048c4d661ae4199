/** IP addresses and prefixes as bytes in network order. Text is read strictly: no "10.1", no octal. */

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
const ZERO = 0x30;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** Value of a digit of the base; NaN where the character is none. */
function digitOf(code: number, base: 10 | 16): number {
  if (code >= ZERO && code < ZERO + 10) return code - ZERO;
  const letter = (code | 0x20) - 0x61;
  return base === 16 && letter >= 0 && letter < 6 ? letter + 10 : Number.NaN;
}

/** Writes the dotted address from character `from` up to `end`. False where there is none. */
function readIpv4(text: string, from: number, end: number, bytes: Buffer, at: number): boolean {
  let byte = 0;
  let digits = 0;
  let dots = 0;
  for (let index = from; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (digits === 0 || dots === 3) return false;
      bytes[at + dots++] = byte;
      byte = 0;
      digits = 0;
      continue;
    }
    const isBehindZero = digits > 0 && byte === 0;
    byte = byte * 10 + digitOf(code, 10);
    digits++;
    if (isBehindZero || !(byte <= 255)) return false;
  }
  bytes[at + 3] = byte;
  return dots === 3 && digits > 0;
}

/** Writes the address in the first `end` characters, a dotted tail included. False where there is none. */
function readIpv6(text: string, end: number, bytes: Buffer): boolean {
  let at = 0;
  /** Where the zeros of a `::` belong. */
  let gap = -1;
  let group = 0;
  let digits = 0;
  for (let index = 0; index <= end; index++) {
    const code = index < end ? text.charCodeAt(index) : COLON;
    if (code === DOT) {
      if (at > IPV6_BYTES - IPV4_BYTES || !readIpv4(text, index - digits, end, bytes, at)) return false;
      at += IPV4_BYTES;
      break;
    }
    if (code !== COLON) {
      group = group * 16 + digitOf(code, 16);
      if (++digits > 4 || Number.isNaN(group)) return false;
    } else if (digits > 0) {
      if (at === IPV6_BYTES) return false;
      bytes[at++] = group >> 8;
      bytes[at++] = group & 0xff;
      group = 0;
      digits = 0;
    } else if (index === end) {
      if (gap !== at) return false;
    } else if (index > 0) {
      if (gap >= 0) return false;
      gap = at;
    } else if (text.charCodeAt(1) !== COLON) return false;
  }
  if (gap < 0) return at === IPV6_BYTES;
  if (at > IPV6_BYTES - 2) return false;
  const behind = at - gap;
  bytes.copyWithin(IPV6_BYTES - behind, gap, at);
  bytes.fill(0, gap, IPV6_BYTES - behind);
  return true;
}

function readAddress(text: string, end: number): IpAddress | undefined {
  const colon = text.indexOf(":");
  if (colon < 0 || colon >= end) {
    const bytes = Buffer.allocUnsafe(IPV4_BYTES);
    return readIpv4(text, 0, end, bytes, 0) ? { family: 4, bytes } : undefined;
  }
  const bytes = Buffer.allocUnsafe(IPV6_BYTES);
  return readIpv6(text, end, bytes) ? { family: 6, bytes } : undefined;
}

/** Undefined where `text` is not an IP literal. An IPv6 zone (`%eth0`) is not accepted. */
export function parseAddress(text: string): IpAddress | undefined {
  return readAddress(text, text.length);
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
  const address = readAddress(text, slash < 0 ? text.length : slash);
  if (!address || (slash >= 0 && text.includes("/", slash + 1)))
    return { problem: "is not an IP prefix (expected ADDRESS/LENGTH)" };
  const { family, bytes } = address;
  const longest = family === 4 ? 32 : 128;
  const length = slash < 0 ? longest : readLength(text, slash + 1);
  if (length === undefined) return { problem: "has no prefix length behind the /" };
  if (length > longest) return { problem: `has a prefix length over ${longest}` };
  if (hasHostBits(bytes, length)) return { problem: "has host bits set behind its prefix length" };
  return { family, bytes, length };
}

/** One to three digits from character `from` to the end, no zero in front. */
function readLength(text: string, from: number): number | undefined {
  const digits = text.length - from;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(from) === ZERO)) return undefined;
  let length = 0;
  for (let index = from; index < text.length; index++) length = length * 10 + digitOf(text.charCodeAt(index), 10);
  return Number.isNaN(length) ? undefined : length;
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
