/** How packets to an address leave this node, and the neighbour that they are handed to. Throws NetlinkError. */
import type { IpAddress } from "./addresses.js";
import { NetlinkError } from "./netlink/errors.js";
import { encodeLinkQuery, type NetworkLink, parseLink } from "./netlink/link.js";
import {
  encodeNeighbourQuery,
  encodeNeighbourState,
  encodeNeighbourUse,
  type Neighbour,
  parseNeighbour,
} from "./netlink/neighbour.js";
import { encodeRouteQuery, parseRoute, type Route } from "./netlink/route.js";
import { NetlinkSocket } from "./netlink/socket.js";
import { FLAG, MESSAGE, PROTOCOL } from "./netlink/uapi.js";

export type { Neighbour, NeighbourState } from "./netlink/neighbour.js";
export type { Route } from "./netlink/route.js";

/** What the kernel answers where there is nothing. */
const NOTHING = new Set(["ENOENT", "ENODEV", "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EXDEV", "ENETDOWN"]);

function orNothing<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof NetlinkError && NOTHING.has(error.code)) return undefined;
    throw error;
  }
}

export class NextHopQueries implements Disposable {
  readonly #socket = new NetlinkSocket(PROTOCOL.ROUTE);

  /** As for a packet that came in by the interface `input`, or for the node's own. Undefined where there is no way. */
  route(destination: IpAddress, source: IpAddress, input?: number): Route | undefined {
    const query = encodeRouteQuery(destination, source, input);
    return orNothing(() => parseRoute(this.#socket.ask(MESSAGE.GETROUTE, query, "the route to an address")));
  }

  /** Undefined where there is none. */
  link(ifindex: number): NetworkLink | undefined {
    const query = encodeLinkQuery(ifindex);
    return orNothing(() => parseLink(this.#socket.ask(MESSAGE.GETLINK, query, "an interface"))?.link);
  }

  /** Undefined where the kernel does not know of it, and does not ask for it either. */
  neighbour(address: IpAddress, ifindex: number): Neighbour | undefined {
    const query = encodeNeighbourQuery(address, ifindex);
    return orNothing(() => parseNeighbour(this.#socket.ask(MESSAGE.GETNEIGH, query, "a neighbour")));
  }

  /** Has the kernel ask for a neighbour that is not known, as a packet to it would. */
  resolve(address: IpAddress, ifindex: number): void {
    this.#change(encodeNeighbourUse(address, ifindex), FLAG.CREATE);
  }

  /** Has the kernel ask a neighbour, at the address that it knows, whether it is still there. It stays in use meanwhile. */
  probe(address: IpAddress, ifindex: number): void {
    this.#change(encodeNeighbourState(address, ifindex, "probe"), FLAG.REPLACE);
  }

  /** Has the kernel forget a neighbour's address, so that it asks everybody for it. */
  forget(address: IpAddress, ifindex: number): void {
    this.#change(encodeNeighbourState(address, ifindex, "failed"), FLAG.REPLACE);
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #change(payload: Buffer, flags: number): void {
    orNothing(() => this.#socket.change(MESSAGE.NEWNEIGH, flags, payload, "a change of a neighbour"));
  }
}
