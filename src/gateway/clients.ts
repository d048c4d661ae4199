/** Who a packet comes from, by its source address; the longest prefix wins. */

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

interface Entry<T> {
  readonly network: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
  readonly client: T;
}

/** Bounds what strangers can make us remember. */
const MAX_REMEMBERED = 10_000;

export class ClientTable<T extends { readonly address: string }> {
  readonly #entries: readonly Entry<T>[];
  readonly #remembered = new Map<string, T | undefined>();

  constructor(clients: readonly T[]) {
    this.#entries = clients
      .map((client) => ({ ...parsePrefix(client.address), client }))
      .toSorted((one, other) => other.bits - one.bits);
  }

  /** `address` as node:dgram and node:tls give it. */
  find(address: string): T | undefined {
    if (this.#remembered.has(address)) return this.#remembered.get(address);
    const client = this.#search(address);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(address, client);
    return client;
  }

  #search(address: string): T | undefined {
    const bare = address.replace(/%.*$/, "");
    if (isIP(bare) === 0) return undefined;
    const source = ipaddr.process(bare);
    return this.#entries.find(({ network, bits }) => network.kind() === source.kind() && source.match(network, bits))
      ?.client;
  }
}

function parsePrefix(text: string): { network: ipaddr.IPv4 | ipaddr.IPv6; bits: number } {
  if (isIP(text) !== 0) {
    const network = ipaddr.parse(text);
    return { network, bits: network.kind() === "ipv4" ? 32 : 128 };
  }
  const [network, bits] = ipaddr.parseCIDR(text);
  return { network, bits };
}
