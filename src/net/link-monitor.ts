/** The interfaces of this namespace, kept up to date by the kernel's events. A change costs the same however many there are. */
import { networkLinks } from "./links.js";
import { NetlinkEvents } from "./netlink/events.js";
import { type LinkChange, type NetworkLink, parseLink } from "./netlink/link.js";
import type { NetlinkMessage } from "./netlink/message.js";
import { GROUP, PROTOCOL } from "./netlink/uapi.js";

export interface LinkListener {
  /** The interface appeared, or something of it changed: `before` is what it was. */
  changed(link: NetworkLink, before: NetworkLink | undefined): void;
  gone(link: NetworkLink): void;
  /** The kernel told of the interface, and nothing that is known of it changed: of its offloads, say. */
  told?(link: NetworkLink): void;
}

function same(a: NetworkLink, b: NetworkLink): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as ReadonlySet<keyof NetworkLink>;
  return [...keys].every((key) => a[key] === b[key]);
}

/** What is known of the interfaces, without the kernel. */
export class LinkTable {
  readonly #links = new Map<number, NetworkLink>();
  readonly #byName = new Map<string, number>();

  constructor(private readonly listener: LinkListener) {}

  byName(name: string): NetworkLink | undefined {
    const ifindex = this.#byName.get(name);
    return ifindex === undefined ? undefined : this.#links.get(ifindex);
  }

  all(): IterableIterator<NetworkLink> {
    return this.#links.values();
  }

  apply({ change, link }: LinkChange): void {
    const before = this.#links.get(link.ifindex);
    if (change === "gone") {
      if (before) this.#remove(before);
    } else if (!before || !same(before, link)) {
      this.#store(link, before);
    } else {
      this.listener.told?.(link);
    }
  }

  /** Takes `links` as all that there are. */
  replace(links: readonly NetworkLink[]): void {
    const present = new Set(links.map(({ ifindex }) => ifindex));
    for (const link of this.#links.values()) if (!present.has(link.ifindex)) this.#remove(link);
    for (const link of links) this.apply({ change: "new", link });
  }

  #store(link: NetworkLink, before: NetworkLink | undefined): void {
    if (before) this.#forgetName(before);
    this.#links.set(link.ifindex, link);
    this.#byName.set(link.name, link.ifindex);
    this.listener.changed(link, before);
  }

  #remove(link: NetworkLink): void {
    this.#links.delete(link.ifindex);
    this.#forgetName(link);
    this.listener.gone(link);
  }

  /** Another interface may have the name by now. */
  #forgetName({ name, ifindex }: NetworkLink): void {
    if (this.#byName.get(name) === ifindex) this.#byName.delete(name);
  }
}

export class LinkMonitor implements Disposable {
  readonly #table: LinkTable;
  #events: NetlinkEvents | undefined;

  /** `queueBytes`: room for changes that wait to be taken in. */
  constructor(
    listener: LinkListener,
    private readonly queueBytes?: number,
  ) {
    this.#table = new LinkTable(listener);
  }

  /** Tells the listener of every interface before it returns, and from then on of every change. Throws NetlinkError. */
  start(): void {
    // Events first: what changes while the list is read is told again, and nothing is missed.
    const listener = {
      message: (message: NetlinkMessage) => this.#take(message),
      overrun: () => this.#resynchronizeQuietly(),
    };
    this.#events = new NetlinkEvents(PROTOCOL.ROUTE, [GROUP.LINK], listener, this.queueBytes);
    try {
      this.resynchronize();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  byName(name: string): NetworkLink | undefined {
    return this.#table.byName(name);
  }

  all(): IterableIterator<NetworkLink> {
    return this.#table.all();
  }

  /** Asks the kernel for all interfaces again. Throws NetlinkError. */
  resynchronize(): void {
    this.#table.replace(networkLinks());
  }

  close(): void {
    this.#events?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(message: NetlinkMessage): void {
    let change: LinkChange | undefined;
    try {
      change = parseLink(message);
    } catch {
      this.#resynchronizeQuietly();
      return;
    }
    if (change) this.#table.apply(change);
  }

  /** The next event or call finds what this one could not. */
  #resynchronizeQuietly(): void {
    try {
      this.resynchronize();
    } catch {
      // No memory for the moment, say.
    }
  }
}
