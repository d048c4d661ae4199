/** What an interface's driver can do with XDP frames (generic netlink family `netdev`, Linux 6.3). */
import { NetlinkError } from "./netlink/errors.js";
import { attribute, parseAttributes, text, u32 } from "./netlink/message.js";
import { NetlinkSocket } from "./netlink/socket.js";

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;
/** NETDEV_XDP_ACT_BASIC: the driver runs XDP programs. */
const ACT_BASIC = 1n;
/** NETDEV_XDP_ACT_NDO_XMIT: frames that XDP redirects to the interface are sent. */
const ACT_NDO_XMIT = 4n;
const GENERIC_HEADER_BYTES = 4;

function command(number: number, ...attributes: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([number, 1, 0, 0]), ...attributes]);
}

function familyId(socket: NetlinkSocket): number {
  const request = command(CTRL_CMD_GETFAMILY, attribute(CTRL_ATTR_FAMILY_NAME, text("netdev")));
  const answer = socket.ask(GENL_ID_CTRL, request, "the number of the netlink family netdev");
  const id = parseAttributes(answer.payload, GENERIC_HEADER_BYTES).get(CTRL_ATTR_FAMILY_ID);
  if (!id || id.length < 2) throw new NetlinkError("The kernel knows no netlink family netdev.", "ENOENT");
  return id.readUInt16LE();
}

/** NETDEV_XDP_ACT_*; undefined where the kernel does not say. */
function featuresOf(ifindex: number): bigint | undefined {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  try {
    const request = command(NETDEV_CMD_DEV_GET, attribute(NETDEV_A_DEV_IFINDEX, u32(ifindex)));
    const answer = socket.ask(familyId(socket), request, `the XDP features of interface ${ifindex}`);
    const features = parseAttributes(answer.payload, GENERIC_HEADER_BYTES).get(NETDEV_A_DEV_XDP_FEATURES);
    return features?.length === 8 ? features.readBigUInt64LE() : undefined;
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/**
 * True where the driver sends what XDP redirects to the interface. False also where the kernel does not say, since
 * frames that are redirected to an interface which does not send them are lost.
 */
export function takesRedirects(ifindex: number): boolean {
  return ((featuresOf(ifindex) ?? 0n) & ACT_NDO_XMIT) !== 0n;
}

/** Whether the driver runs XDP programs itself; undefined where the kernel does not say. */
export function runsXdp(ifindex: number): boolean | undefined {
  const features = featuresOf(ifindex);
  return features === undefined ? undefined : (features & ACT_BASIC) !== 0n;
}
