/** Route messages (rtnetlink(7), RTM_GETROUTE and its answer). Pure. */
import type { IpAddress } from "../addresses.js";
import { attribute, fixedPart, type NetlinkMessage, parseAttributes, u32, u32Attribute } from "./message.js";
import { FAMILY, MESSAGE, METRIC_MTU, ROUTE } from "./uapi.js";

/** `struct rtmsg`: family, destination and source length, TOS, table, protocol, scope, type, flags. */
const RTMSG_BYTES = 12;
const MAX_BITS = { 4: 32, 6: 128 } as const;
/** Type of a route that leads to other nodes. */
const RTN_UNICAST = 1;

export interface Route {
  /** ifindex that packets leave by. */
  readonly out: number;
  /** The neighbour to hand packets to; absent where the destination itself is one. */
  readonly gateway?: IpAddress;
  /** The path's MTU, where it is known to be other than the interface's. */
  readonly mtu?: number;
}

function addressOf(bytes: Buffer | undefined): IpAddress | undefined {
  if (bytes?.length === 4) return { family: 4, bytes: Buffer.from(bytes) };
  return bytes?.length === 16 ? { family: 6, bytes: Buffer.from(bytes) } : undefined;
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
  const metrics = attributes.get(ROUTE.METRICS);
  const mtu = metrics && u32Attribute(parseAttributes(metrics), METRIC_MTU);
  return { out, ...(gateway && { gateway }), ...(mtu !== undefined && mtu > 0 && { mtu }) };
}

/** Asks how a packet from `source` to `destination` goes that came in by the interface `input`. */
export function encodeRouteQuery(destination: IpAddress, source: IpAddress, input: number): Buffer {
  const info = Buffer.alloc(RTMSG_BYTES);
  const bits = MAX_BITS[destination.family];
  info.writeUInt8(destination.family === 4 ? FAMILY.INET : FAMILY.INET6, 0);
  info.writeUInt8(bits, 1);
  info.writeUInt8(bits, 2);
  const addresses = [attribute(ROUTE.DST, destination.bytes), attribute(ROUTE.SRC, source.bytes)];
  return Buffer.concat([info, ...addresses, attribute(ROUTE.IIF, u32(input))]);
}
