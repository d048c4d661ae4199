/**
 * Packets for the tests, from small functions that return Buffers: `ethernet(ipv4({}, udp()), { tags: [{ id: 100 }] })`.
 * Lengths and checksums are right unless a field is given to make them wrong.
 */
import ipaddr from "ipaddr.js";
import { checksum } from "./checksum.js";
import { PROTOCOL, type Transport } from "./transport.js";

export const SUBSCRIBER4 = "100.64.0.7";
export const SUBSCRIBER6 = "2001:db8:1::7";
export const REMOTE4 = "192.0.2.80";
export const REMOTE6 = "2001:db8:ffff::80";
export const SUBSCRIBER_MAC = "02:00:5e:10:00:07";
export const ROUTER_MAC = "02:00:5e:10:00:01";

export const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, svlan: 0x88a8, pppoe: 0x8864 } as const;

export function addressBytes(text: string): Buffer {
  return Buffer.from(ipaddr.parse(text).toByteArray());
}

export function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

export interface Ipv4Header {
  readonly source?: string;
  readonly destination?: string;
  /** DSCP and ECN together. */
  readonly tos?: number;
  readonly id?: number;
  readonly ttl?: number;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  /** Padded to a multiple of 4 bytes. */
  readonly options?: Buffer;
  /** To make them wrong. */
  readonly version?: number;
  readonly headerWords?: number;
  readonly totalLength?: number;
}

function paddedTo(bytes: Buffer, unit: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((unit - (bytes.length % unit)) % unit)]);
}

/** IPv4 (RFC 791), from the subscriber to a remote host unless told otherwise. */
export function ipv4(header: Ipv4Header, transport: Transport): Buffer {
  const source = addressBytes(header.source ?? SUBSCRIBER4);
  const destination = addressBytes(header.destination ?? REMOTE4);
  const options = paddedTo(header.options ?? Buffer.alloc(0), 4);
  const payload = transport.between(source, destination);
  const fixed = Buffer.alloc(20);
  fixed[0] = ((header.version ?? 4) << 4) | (header.headerWords ?? 5 + options.length / 4);
  fixed[1] = header.tos ?? 0;
  fixed.writeUInt16BE(header.totalLength ?? 20 + options.length + payload.length, 2);
  fixed.writeUInt16BE(header.id ?? 0x1d1d, 4);
  fixed.writeUInt16BE((header.moreFragments ? 0x2000 : 0) | ((header.fragmentOffset ?? 0) / 8), 6);
  fixed[8] = header.ttl ?? 64;
  fixed[9] = transport.protocol;
  source.copy(fixed, 12);
  destination.copy(fixed, 16);
  const all = Buffer.concat([fixed, options]);
  all.writeUInt16BE(checksum(all), 10);
  return Buffer.concat([all, payload]);
}

/** An IPv6 extension header (RFC 8200 section 4). */
export type Extension =
  | { readonly kind: "hop-by-hop" | "routing" | "destination"; readonly body?: Buffer }
  | { readonly kind: "fragment"; readonly offset: number; readonly more: boolean; readonly id?: number }
  /** Authentication Header (RFC 4302); `icv` of a multiple of 8 bytes, less 4. */
  | { readonly kind: "authentication"; readonly icv?: Buffer };

const EXTENSION_NUMBER = { "hop-by-hop": 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;

function extensionBytes(extension: Extension, next: number): Buffer {
  if (extension.kind === "fragment") {
    const bytes = Buffer.from([next, 0, 0, 0, 0, 0, 0, 0]);
    bytes.writeUInt16BE(extension.offset | (extension.more ? 1 : 0), 2);
    bytes.writeUInt32BE(extension.id ?? 0x0badcafe, 4);
    return bytes;
  }
  if (extension.kind === "authentication") {
    const icv = extension.icv ?? Buffer.alloc(12, 0xa5);
    const length = (12 + icv.length) / 4 - 2;
    return Buffer.concat([Buffer.from([next, length, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]), icv]);
  }
  // PadN fills the options (RFC 8200 section 4.2); a routing header's body is not looked at.
  const body = extension.body ?? Buffer.from([1, 4, 0, 0, 0, 0]);
  const bytes = paddedTo(Buffer.concat([Buffer.from([next, 0]), body]), 8);
  bytes[1] = bytes.length / 8 - 1;
  return bytes;
}

export interface Ipv6Header {
  readonly source?: string;
  readonly destination?: string;
  /** DSCP and ECN together. */
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
  readonly extensions?: readonly Extension[];
  /** To make them wrong. */
  readonly version?: number;
  readonly payloadLength?: number;
}

/** IPv6 (RFC 8200), from the subscriber to a remote host unless told otherwise. */
export function ipv6(header: Ipv6Header, transport: Transport): Buffer {
  const source = addressBytes(header.source ?? SUBSCRIBER6);
  const destination = addressBytes(header.destination ?? REMOTE6);
  let next: number = transport.protocol;
  let payload = transport.between(source, destination);
  for (const extension of (header.extensions ?? []).toReversed()) {
    payload = Buffer.concat([extensionBytes(extension, next), payload]);
    next = EXTENSION_NUMBER[extension.kind];
  }
  const fixed = Buffer.alloc(40);
  fixed.writeUInt32BE(
    (((header.version ?? 6) << 28) | ((header.trafficClass ?? 0) << 20) | (header.flowLabel ?? 0)) >>> 0,
    0,
  );
  fixed.writeUInt16BE(header.payloadLength ?? payload.length, 4);
  fixed[6] = next;
  fixed[7] = header.hopLimit ?? 64;
  source.copy(fixed, 8);
  destination.copy(fixed, 24);
  return Buffer.concat([fixed, payload]);
}

export interface VlanTag {
  /** 12 bits. */
  readonly id: number;
  readonly priority?: number;
  readonly type?: number;
}

export interface LinkLayer {
  readonly source?: string;
  readonly destination?: string;
  /** Outermost first. */
  readonly tags?: readonly VlanTag[];
  /** PPPoE session id (RFC 2516). */
  readonly pppoe?: number;
  /** Ethertype of the payload, or the PPP protocol within PPPoE; by the IP version unless given. */
  readonly type?: number;
  /** Least length of the frame; 60 is Ethernet's without the check sequence. Padded with a byte that shows. */
  readonly minimum?: number;
}

const PPP = { ipv4: 0x0021, ipv6: 0x0057 } as const;

function halfWord(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function pppoeHeader(session: number, protocol: number, length: number): Buffer {
  return Buffer.concat([
    Buffer.from([0x11, 0]),
    halfWord(session),
    halfWord(Math.min(length + 2, 0xffff)),
    halfWord(protocol),
  ]);
}

/** What stands between the MAC addresses and the packet. */
function linkHeader(packet: Buffer, link: LinkLayer): Buffer {
  const version = (packet[0] ?? 0) >> 4 === 6 ? "ipv6" : "ipv4";
  const tags = (link.tags ?? []).map(({ id, priority = 0, type = ETHERTYPE.vlan }) =>
    Buffer.concat([halfWord(type), halfWord((priority << 13) | id)]),
  );
  const inner =
    link.pppoe === undefined
      ? halfWord(link.type ?? ETHERTYPE[version])
      : Buffer.concat([halfWord(ETHERTYPE.pppoe), pppoeHeader(link.pppoe, link.type ?? PPP[version], packet.length)]);
  return Buffer.concat([...tags, inner]);
}

/** An Ethernet frame, from the subscriber to the router unless told otherwise. */
export function ethernet(packet: Buffer, link: LinkLayer = {}): Buffer {
  const frame = Buffer.concat([
    macBytes(link.destination ?? ROUTER_MAC),
    macBytes(link.source ?? SUBSCRIBER_MAC),
    linkHeader(packet, link),
    packet,
  ]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, (link.minimum ?? 0) - frame.length), 0xee)]);
}

/** Addresses of what the subscriber is sent. */
export const TO4 = { source: REMOTE4, destination: SUBSCRIBER4 } as const;
export const TO6 = { source: REMOTE6, destination: SUBSCRIBER6 } as const;

/** Cuts the payload behind an IPv4 header into fragments of at most `bytes` (a multiple of 8) of it. */
export function fragments4(header: Ipv4Header, transport: Transport, bytes: number): Buffer[] {
  const source = addressBytes(header.source ?? SUBSCRIBER4);
  const payload = transport.between(source, addressBytes(header.destination ?? REMOTE4));
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < payload.length; offset += bytes) {
    const piece = payload.subarray(offset, offset + bytes);
    const more = offset + bytes < payload.length;
    const part = { protocol: transport.protocol, between: () => piece };
    pieces.push(ipv4({ ...header, fragmentOffset: offset, moreFragments: more }, part));
  }
  return pieces;
}

/** The same for IPv6: each piece with a Fragment header behind the extensions of `header`. */
export function fragments6(header: Ipv6Header, transport: Transport, bytes: number): Buffer[] {
  const source = addressBytes(header.source ?? SUBSCRIBER6);
  const payload = transport.between(source, addressBytes(header.destination ?? REMOTE6));
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < payload.length; offset += bytes) {
    const piece = payload.subarray(offset, offset + bytes);
    const fragment: Extension = { kind: "fragment", offset, more: offset + bytes < payload.length };
    const part = { protocol: transport.protocol, between: () => piece };
    pieces.push(ipv6({ ...header, extensions: [...(header.extensions ?? []), fragment] }, part));
  }
  return pieces;
}

export { PROTOCOL };
