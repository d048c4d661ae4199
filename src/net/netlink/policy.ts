/** IPsec policies (linux/xfrm.h, XFRM_MSG_GETPOLICY and its answer). Pure. */
import { type IpAddress, type IpPrefix, maskBytes } from "../addresses.js";
import { fixedPart, type NetlinkMessage, parseAttributes, u32Attribute } from "./message.js";
import { FAMILY, XFRM, XFRM_ACTION, XFRM_DEFAULT_BLOCK, XFRM_IF_ID, XFRM_POLICY_OUT, XFRM_TEMPLATES } from "./uapi.js";

/** `struct xfrm_userpolicy_info`, and where in it what is read lies. */
const POLICY_BYTES = 168;
const AT = { destination: 0, source: 16, family: 40, destinationBits: 42, sourceBits: 43, protocol: 44 } as const;
const DIRECTION_AT = 160;
const ACTION_AT = 161;
/** `struct xfrm_userpolicy_id`: a selector, an index, a direction. */
const POLICY_ID_BYTES = 64;
const DEFAULT_BYTES = 3;
const IPPROTO_UDP = 17;
const ANY_PROTOCOL = 0;

/** A policy for packets that leave this node, and that does not let them pass as they are. */
export interface OutputPolicy {
  readonly source: IpPrefix;
  readonly destination: IpPrefix;
  /** IP protocol number; 0: any. */
  readonly protocol: number;
}

function prefix(bytes: Buffer, at: number, family: 4 | 6, length: number): IpPrefix {
  return { family, bytes: Buffer.from(bytes.subarray(at, at + (family === 4 ? 4 : 16))), length };
}

/** Undefined for other directions, and for policies that let packets pass as they are. Throws NetlinkFormatError. */
export function parseOutputPolicy({ type, payload }: NetlinkMessage): OutputPolicy | undefined {
  if (type !== XFRM.NEWPOLICY) return undefined;
  const info = fixedPart(payload, POLICY_BYTES, "policy");
  if (info.readUInt8(DIRECTION_AT) !== XFRM_POLICY_OUT) return undefined;
  const attributes = parseAttributes(payload, POLICY_BYTES);
  // Of an xfrm interface: packets come to it by their route, and then not by a mediation interface.
  if ((u32Attribute(attributes, XFRM_IF_ID) ?? 0) !== 0) return undefined;
  const transforms = attributes.get(XFRM_TEMPLATES)?.length ?? 0;
  if (info.readUInt8(ACTION_AT) === XFRM_ACTION.ALLOW && transforms === 0) return undefined;
  const family = info.readUInt16LE(AT.family) === FAMILY.INET6 ? 6 : 4;
  return {
    source: prefix(info, AT.source, family, info.readUInt8(AT.sourceBits)),
    destination: prefix(info, AT.destination, family, info.readUInt8(AT.destinationBits)),
    protocol: info.readUInt8(AT.protocol),
  };
}

function within(address: IpAddress, { family, bytes, length }: IpPrefix): boolean {
  return address.family === family && maskBytes(address.bytes, length).equals(maskBytes(bytes, length));
}

/**
 * True where the policy may apply to copies from `source` to `destination`. Ports, marks, interfaces and priorities are
 * left to the stack, which is asked in any case then.
 */
export function covers(policy: OutputPolicy, source: IpAddress, destination: IpAddress): boolean {
  const protocolFits = policy.protocol === ANY_PROTOCOL || policy.protocol === IPPROTO_UDP;
  return protocolFits && within(source, policy.source) && within(destination, policy.destination);
}

/** Whether what no policy covers is blocked on its way out (XFRM_MSG_GETDEFAULT). Throws NetlinkFormatError. */
export function parseDefaultBlocks({ payload }: NetlinkMessage): boolean {
  return fixedPart(payload, DEFAULT_BYTES, "default policy").readUInt8(2) === XFRM_DEFAULT_BLOCK;
}

export function encodePolicyDump(): Buffer {
  return Buffer.alloc(POLICY_ID_BYTES);
}

export function encodeDefaultQuery(): Buffer {
  return Buffer.alloc(DEFAULT_BYTES);
}
