/** Route messages (rtnetlink(7), RTM_GETROUTE and its answer). Pure. */
import type { IpAddress } from "../addresses.js";
import {
  type Attributes,
  attribute,
  fixedPart,
  type NetlinkMessage,
  parseAttributes,
  u32,
  u32Attribute,
} from "./message.js";
import { FAMILY, MESSAGE, METRIC, ROUTE } from "./uapi.js";

/** `struct rtmsg`: family, destination and source length, TOS, table, protocol, scope, type, flags. */
const RTMSG_BYTES = 12;
const MAX_BITS = { 4: 32, 6: 128 } as const;
/** Where `struct rta_cacheinfo` has the seconds until what was learnt of the path expires. */
const EXPIRES_AT = 8;
/** Type of a route that leads to other nodes. */
const RTN_UNICAST = 1;

export interface Route {
  /** ifindex that packets leave by. */
  readonly out: number;
  /** The neighbour to hand packets to; absent where the destination itself is one. */
  readonly gateway?: IpAddress;
  /** The MTU that packets which are forwarded are held to, where that is not the interface's. */
  readonly mtu?: number;
}

function addressOf(bytes: Buffer | undefined): IpAddress | undefined {
  if (bytes?.length === 4) return { family: 4, bytes: Buffer.from(bytes) };
  return bytes?.length === 16 ? { family: 6, bytes: Buffer.from(bytes) } : undefined;
}

/** Whether the path's MTU was learnt from a router on it. */
function isLearnt(attributes: Attributes): boolean {
  const cache = attributes.get(ROUTE.CACHEINFO);
  return cache !== undefined && cache.length >= EXPIRES_AT + 4 && cache.readInt32LE(EXPIRES_AT) !== 0;
}

/** For IPv4, the kernel holds what it forwards to a route's MTU only where that is locked, or learnt. */
function forwardingMtu(attributes: Attributes, family: number): number | undefined {
  const bytes = attributes.get(ROUTE.METRICS);
  const metrics = bytes && parseAttributes(bytes);
  const mtu = metrics && u32Attribute(metrics, METRIC.MTU);
  if (!mtu) return undefined;
  const isLocked = ((u32Attribute(metrics, METRIC.LOCK) ?? 0) & (1 << METRIC.MTU)) !== 0;
  return family === FAMILY.INET6 || isLocked || isLearnt(attributes) ? mtu : undefined;
}

/** Undefined for a route that leads nowhere: to the node itself, or that refuses. Throws NetlinkFormatError. */
export function parseRoute({ type, payload }: NetlinkMessage): Route | undefined {
  if (type !== MESSAGE.NEWROUTE) return undefined;
  const info = fixedPart(payload, RTMSG_BYTES, "route");
  const attributes = parseAttributes(payload, RTMSG_BYTES);
  const out = u32Attribute(attributes, ROUTE.OIF);
  if (info.readUInt8(7) !== RTN_UNICAST || out === undefined) return undefined;
  // An IPv4 route by way of an IPv6 neighbour has a family in front of the address.
  const gateway = addressOf(attributes.get(ROUTE.GATEWAY) ?? attributes.get(ROUTE.VIA)?.subarray(2));
  const mtu = forwardingMtu(attributes, info.readUInt8(0));
  return { out, ...(gateway && { gateway }), ...(mtu !== undefined && { mtu }) };
}

/** Asks how a packet from `source` to `destination` goes that came in by the interface `input`, or that is the node's own. */
export function encodeRouteQuery(destination: IpAddress, source: IpAddress, input?: number): Buffer {
  const info = Buffer.alloc(RTMSG_BYTES);
  const bits = MAX_BITS[destination.family];
  info.writeUInt8(destination.family === 4 ? FAMILY.INET : FAMILY.INET6, 0);
  info.writeUInt8(bits, 1);
  info.writeUInt8(bits, 2);
  const addresses = [attribute(ROUTE.DST, destination.bytes), attribute(ROUTE.SRC, source.bytes)];
  return Buffer.concat([info, ...addresses, ...(input === undefined ? [] : [attribute(ROUTE.IIF, u32(input))])]);
}
