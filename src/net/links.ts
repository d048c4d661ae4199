/** The network interfaces of this namespace, and the few changes that the datapath needs. Throws NetlinkError. */
import type { InterfaceAddress } from "./netlink/address.js";
import { encodeAddressQuery, encodeInterfaceAddress, parseInterfaceAddress } from "./netlink/address.js";
import { NetlinkError } from "./netlink/errors.js";
import {
  encodeLinkQuery,
  encodeLinkRemoval,
  encodeLinkSettings,
  encodeVethPair,
  type LinkSettings,
  type NetworkLink,
  parseLink,
  type VethEnd,
} from "./netlink/link.js";
import { NetlinkSocket } from "./netlink/socket.js";
import { FLAG, MESSAGE, PROTOCOL } from "./netlink/uapi.js";

export type { InterfaceAddress } from "./netlink/address.js";
export type { NetworkLink } from "./netlink/link.js";

const SCOPE_LINK = 253;

function withSocket<T>(use: (socket: NetlinkSocket) => T): T {
  using socket = new NetlinkSocket(PROTOCOL.ROUTE);
  return use(socket);
}

export function networkLinks(): NetworkLink[] {
  const answers = withSocket((socket) => socket.dump(MESSAGE.GETLINK, encodeLinkQuery(), "a list of the interfaces"));
  return answers.flatMap((answer) => parseLink(answer)?.link ?? []);
}

/** Undefined where there is no interface of that name. */
export function findLink(name: string): NetworkLink | undefined {
  try {
    const query = encodeLinkQuery(name);
    return parseLink(withSocket((socket) => socket.ask(MESSAGE.GETLINK, query, `a look at the interface ${name}`)))
      ?.link;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "ENODEV") return undefined;
    throw error;
  }
}

export function createVethPair(end: VethEnd, peer: VethEnd): void {
  const what = `to make the veth pair ${end.name} and ${peer.name}`;
  withSocket((socket) => socket.change(MESSAGE.NEWLINK, FLAG.CREATE | FLAG.EXCL, encodeVethPair(end, peer), what));
}

export function changeLink({ ifindex, name }: NetworkLink, settings: LinkSettings): void {
  const what = `to set up the interface ${name}`;
  withSocket((socket) => socket.change(MESSAGE.NEWLINK, 0, encodeLinkSettings(ifindex, settings), what));
}

/** Of a veth pair, with its other end. */
export function deleteLink({ ifindex, name }: NetworkLink): void {
  withSocket((socket) =>
    socket.change(MESSAGE.DELLINK, 0, encodeLinkRemoval(ifindex), `to remove the interface ${name}`),
  );
}

/** Gives an interface an address of link scope, once. */
export function ensureLinkAddress(address: InterfaceAddress): void {
  const payload = encodeInterfaceAddress(address, SCOPE_LINK);
  withSocket((socket) => socket.change(MESSAGE.NEWADDR, FLAG.CREATE | FLAG.REPLACE, payload, "to add an address"));
}

/** All addresses of this namespace. */
export function interfaceAddresses(): InterfaceAddress[] {
  const answers = withSocket((socket) =>
    socket.dump(MESSAGE.GETADDR, encodeAddressQuery(), "a list of the node's addresses"),
  );
  return answers.flatMap((answer) => parseInterfaceAddress(answer) ?? []);
}
