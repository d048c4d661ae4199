/**
 * What recvmmsg(2) and sendmmsg(2) are told, as 64-bit little-endian Linux lays it out (x86-64, arm64), and the addresses of
 * IPv4 and IPv6 in it (ip(7), ipv6(7)).
 */
import { formatAddress, parseAddress } from "./addresses.js";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** `struct mmsghdr`: where its parts are. */
export const MMSGHDR_BYTES = 64;
export const MMSGHDR = {
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
  length: 56,
} as const;
/** `struct iovec`: an address, then a length. */
export const IOVEC_BYTES = 16;

/** `struct sockaddr_in6`, the larger of the two. */
export const SOCKADDR_BYTES = 28;
const SOCKADDR_IN_BYTES = 16;

/** Where the address is in a `sockaddr_in` and a `sockaddr_in6`; the port is at 2 in either. */
export const SOCKADDR = { 4: { from: 4, to: 8 }, 6: { from: 8, to: 24 } } as const;

/** `struct sockaddr_in` or `sockaddr_in6`. Undefined where `address` is no IP address. */
export function socketAddress(address: string, port: number): Buffer | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  const isIpv6 = parsed.family === 6;
  const bytes = Buffer.alloc(isIpv6 ? SOCKADDR_BYTES : SOCKADDR_IN_BYTES);
  bytes.writeUInt16LE(isIpv6 ? AF_INET6 : AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  parsed.bytes.copy(bytes, SOCKADDR[parsed.family].from);
  return bytes;
}

/** Addresses that are kept as text. */
const MAX_KNOWN = 65_536;

/** Senders' addresses as text, which costs much more than looking up what was written before. */
export class SenderTexts {
  readonly #known = new Map<string, string>();
  readonly #place: { readonly from: number; readonly to: number };

  constructor(private readonly family: 4 | 6) {
    this.#place = SOCKADDR[family];
  }

  /** Of the `sockaddr` that begins at `at`. */
  of(names: Buffer, at: number): string {
    const [from, to] = [at + this.#place.from, at + this.#place.to];
    const key = names.toString("latin1", from, to);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const text = formatAddress({ family: this.family, bytes: names.subarray(from, to) });
    this.#known.set(key, text);
    return text;
  }
}
