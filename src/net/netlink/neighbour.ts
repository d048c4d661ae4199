/** Neighbour messages (rtnetlink(7), RTM_NEWNEIGH). Pure. */
import type { IpAddress } from "../addresses.js";
import { attribute, fixedPart, type NetlinkMessage, parseAttributes } from "./message.js";
import { FAMILY, MESSAGE, NEIGHBOUR, NTF_USE, NUD } from "./uapi.js";

/** `struct ndmsg`: family, padding, index, state, flags, type. */
const NDMSG_BYTES = 12;

export type NeighbourState = Lowercase<keyof typeof NUD> | "none";

export interface Neighbour {
  readonly address: IpAddress;
  readonly ifindex: number;
  readonly state: NeighbourState;
  /** 6 bytes on Ethernet; absent while not known. */
  readonly mac?: Buffer;
}

const STATES: ReadonlyMap<number, NeighbourState> = new Map(
  Object.entries(NUD).map(([name, bit]) => [bit, name.toLowerCase() as NeighbourState]),
);

/** Undefined for what is no neighbour of the IP protocols: a bridge's table. Throws NetlinkFormatError. */
export function parseNeighbour({ type, payload }: NetlinkMessage): Neighbour | undefined {
  if (type !== MESSAGE.NEWNEIGH) return undefined;
  const info = fixedPart(payload, NDMSG_BYTES, "neighbour");
  const attributes = parseAttributes(payload, NDMSG_BYTES);
  const bytes = attributes.get(NEIGHBOUR.DST);
  const mac = attributes.get(NEIGHBOUR.LLADDR);
  if (bytes?.length !== 4 && bytes?.length !== 16) return undefined;
  return {
    address: { family: bytes.length === 4 ? 4 : 6, bytes: Buffer.from(bytes) },
    ifindex: info.readInt32LE(4),
    state: STATES.get(info.readUInt16LE(8)) ?? "none",
    ...(mac && { mac: Buffer.from(mac) }),
  };
}

function encodeNeighbour(address: IpAddress, ifindex: number, state: number, flags: number): Buffer {
  const info = Buffer.alloc(NDMSG_BYTES);
  info.writeUInt8(address.family === 4 ? FAMILY.INET : FAMILY.INET6, 0);
  info.writeInt32LE(ifindex, 4);
  info.writeUInt16LE(state, 8);
  info.writeUInt8(flags, 10);
  return Buffer.concat([info, attribute(NEIGHBOUR.DST, address.bytes)]);
}

export function encodeNeighbourQuery(address: IpAddress, ifindex: number): Buffer {
  return encodeNeighbour(address, ifindex, 0, 0);
}

/** The kernel treats the neighbour as if a packet was sent there: asks for it where it is not known. */
export function encodeNeighbourUse(address: IpAddress, ifindex: number): Buffer {
  return encodeNeighbour(address, ifindex, 0, NTF_USE);
}

/** `probe`: the kernel asks at the address that it knows. `failed`: it forgets that address. */
export function encodeNeighbourState(address: IpAddress, ifindex: number, state: "probe" | "failed"): Buffer {
  return encodeNeighbour(address, ifindex, state === "probe" ? NUD.PROBE : NUD.FAILED, 0);
}
