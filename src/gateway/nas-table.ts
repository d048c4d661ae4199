/** The NASes that CoA- and Disconnect-Requests may be for, and which of them one names (RFC 5176 section 3). Pure. */
import { isIP } from "node:net";
import { nasToken } from "../events/subjects.js";
import { TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { firstAttribute, type Packet } from "../radius/packet.js";
import { valueToText } from "../radius/values.js";
import type { RadiusConfig } from "./config.js";

interface Nas {
  /** Undefined: not configured, so that any may be its. */
  readonly identifier: string | undefined;
  /** Empty: not configured, so that any may be its. */
  readonly addresses: readonly string[];
  /** Name of the client that takes relayed requests; undefined where none are relayed to it. */
  readonly relay: string | undefined;
}

export type NasFinding =
  /** `nas` as events carry it. */
  | { readonly kind: "found"; readonly nas: string; readonly relay: string | undefined }
  | { readonly kind: "mismatch" }
  /** The request names no NAS, and there are several. */
  | { readonly kind: "unnamed" };

export class NasTable {
  readonly #nases: readonly Nas[];
  readonly #fallback: Nas | undefined;

  constructor(config: Pick<RadiusConfig, "clients" | "nas" | "radsec">) {
    const overTls = (config.radsec?.clients ?? []).map(
      ({ nasIdentifier }): Nas => ({ identifier: nasIdentifier, addresses: [], relay: undefined }),
    );
    const overUdp = config.clients.map((client): Nas => {
      const own = isIP(client.address) === 0 ? [] : [client.address];
      return {
        identifier: client.nasIdentifier,
        addresses: own.length === 0 && client.nasAddresses.length === 0 ? [] : [...own, ...client.nasAddresses],
        relay: client.coa === undefined ? undefined : client.name,
      };
    });
    const nases = [...overUdp, ...overTls];
    const identifier = config.nas?.identifier;
    const known = nases.find((nas) => nas.identifier === identifier);
    const extra =
      identifier === undefined || known !== undefined ? [] : [{ identifier, addresses: [], relay: undefined }];
    this.#nases = [...nases, ...extra];
    this.#fallback = identifier === undefined ? (nases.length === 1 ? nases[0] : undefined) : (known ?? extra[0]);
  }

  find(packet: Packet, dictionary: Dictionary): NasFinding {
    const identifier = text(packet, TYPE.nasIdentifier, dictionary);
    const addresses = [TYPE.nasIpAddress, TYPE.nasIpv6Address]
      .map((type) => text(packet, type, dictionary))
      .filter((address) => address !== undefined);
    const name = identifier ?? addresses[0];
    if (name === undefined) {
      const nas = this.#fallback;
      return nas === undefined ? { kind: "unnamed" } : found(nas, undefined);
    }
    const candidates = this.#nases.filter(
      (nas) =>
        (identifier === undefined || nas.identifier === undefined || nas.identifier === identifier) &&
        addresses.every((address) => nas.addresses.length === 0 || nas.addresses.includes(address)),
    );
    const best = candidates.toSorted((one, other) => specificity(other) - specificity(one))[0];
    return best === undefined ? { kind: "mismatch" } : found(best, name);
  }
}

/** One that is configured by what the request names beats one that takes anything. */
function specificity(nas: Nas): number {
  return (nas.identifier === undefined ? 0 : 2) + (nas.addresses.length === 0 ? 0 : 1);
}

function found(nas: Nas, name: string | undefined): NasFinding {
  const known = nas.identifier ?? name ?? nas.addresses[0];
  return known === undefined ? { kind: "unnamed" } : { kind: "found", nas: nasToken(known), relay: nas.relay };
}

function text(packet: Packet, type: number, dictionary: Dictionary): string | undefined {
  const value = firstAttribute(packet, type);
  const definition = dictionary.standard.get(type);
  return value === undefined || definition === undefined ? undefined : valueToText(definition, value);
}
