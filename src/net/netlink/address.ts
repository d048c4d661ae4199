/** Address messages (rtnetlink(7), RTM_NEWADDR). Pure. */
import type { IpAddress } from "../addresses.js";
import { attribute, fixedPart, type NetlinkMessage, parseAttributes } from "./message.js";
import { ADDR, FAMILY, MESSAGE } from "./uapi.js";

/** `struct ifaddrmsg`: family, prefix length, flags, scope, index. */
const IFADDR_BYTES = 8;
const BYTES: ReadonlyMap<number, 4 | 16> = new Map([
  [FAMILY.INET, 4],
  [FAMILY.INET6, 16],
]);

export interface InterfaceAddress extends IpAddress {
  readonly ifindex: number;
  /** Bits of the network that it belongs to. */
  readonly prefixLength: number;
}

/** Undefined for what is no IP address. Throws NetlinkFormatError. */
export function parseInterfaceAddress({ type, payload }: NetlinkMessage): InterfaceAddress | undefined {
  if (type !== MESSAGE.NEWADDR) return undefined;
  const info = fixedPart(payload, IFADDR_BYTES, "address");
  const attributes = parseAttributes(payload, IFADDR_BYTES);
  // Of a point-to-point interface, ADDRESS is the other end's.
  const bytes = attributes.get(ADDR.LOCAL) ?? attributes.get(ADDR.ADDRESS);
  if (bytes === undefined || bytes.length !== BYTES.get(info.readUInt8(0))) return undefined;
  return {
    family: bytes.length === 4 ? 4 : 6,
    bytes: Buffer.from(bytes),
    ifindex: info.readUInt32LE(4),
    prefixLength: info.readUInt8(1),
  };
}

/** `scope` as in linux/rtnetlink.h: 253 is `link`. */
export function encodeInterfaceAddress(address: InterfaceAddress, scope: number): Buffer {
  const info = Buffer.alloc(IFADDR_BYTES);
  info.writeUInt8(address.family === 4 ? FAMILY.INET : FAMILY.INET6, 0);
  info.writeUInt8(address.prefixLength, 1);
  info.writeUInt8(scope, 3);
  info.writeUInt32LE(address.ifindex, 4);
  return Buffer.concat([info, attribute(ADDR.LOCAL, address.bytes), attribute(ADDR.ADDRESS, address.bytes)]);
}

export function encodeAddressQuery(): Buffer {
  return Buffer.alloc(IFADDR_BYTES);
}
