/** Who may order what: as the configuration says it, and the rules that read it. Pure. */
import type { LiInstruction } from "../../events/types.js";
import { parseHandle } from "../../intercepts/handle.js";
import { type IpPrefix, maskBytes, parseAddress } from "../../net/addresses.js";
import { SecurityError } from "../errors.js";
import { type Verifier, verifierOf } from "../keys/signing-key.js";

/**
 * `gateway`: signs what RADIUS asks for. `authority`: tasks by warrant. `agent`: writes session records, and orders nothing.
 */
export type AuthorityKind = "gateway" | "authority" | "agent";

export interface Authority {
  /** For the record. Two keys of one name are one authority. */
  readonly name: string;
  readonly kind: AuthorityKind;
  /** Public signing keys, `U...`; several while they are being changed. */
  readonly keys: readonly string[];
  /** NASes that it may speak of, as subject tokens. Undefined: all. */
  readonly nas?: readonly string[];
  /** Inclusive ranges. Undefined: all. */
  readonly interceptIds?: readonly (readonly [number, number])[];
  /** Where copies may go. Undefined: anywhere. */
  readonly mediation?: readonly IpPrefix[];
  /** Whether it may say by what else than a session's addresses packets are a subscriber's: by link, or other prefixes. */
  readonly mayMatch?: boolean;
  /** Longest intercept that it may order, in milliseconds. */
  readonly maxDurationMs: number;
}

export interface KnownKey {
  readonly authority: Authority;
  readonly verifier: Verifier;
}

export class AuthorityTable {
  readonly #keys = new Map<string, KnownKey>();

  /** Throws KeyError where a key is none. */
  constructor(authorities: readonly Authority[]) {
    for (const authority of authorities) {
      for (const key of authority.keys) this.#keys.set(key, { authority, verifier: verifierOf(key) });
    }
  }

  find(publicKey: string): KnownKey | undefined {
    return this.#keys.get(publicKey);
  }
}

/** Throws SecurityError where the authority may not order that. */
export function checkInstruction({ interceptIds, mediation, mayMatch = false }: Authority, li: LiInstruction): void {
  const { interceptId } = parseHandle(li.handle);
  if (interceptIds !== undefined && !interceptIds.some(([from, to]) => interceptId >= from && interceptId <= to)) {
    throw new SecurityError(
      "intercept-id-not-allowed",
      "the intercept id is not of those that the signing authority may use",
    );
  }
  if (mediation !== undefined && !mediation.some((prefix) => contains(prefix, li.mediation.address))) {
    throw new SecurityError(
      "mediation-not-allowed",
      "the mediation device is not of those that the signing authority may use",
    );
  }
  if (li.match !== undefined && !mayMatch) {
    throw new SecurityError(
      "match-not-allowed",
      "the signing authority may name packets by the subscriber's sessions alone",
    );
  }
}

export function checkNas({ nas }: Authority, token: string): void {
  if (nas === undefined || nas.includes(token)) return;
  throw new SecurityError("nas-not-allowed", "the signing authority may not speak of this NAS");
}

function contains(prefix: IpPrefix, text: string): boolean {
  const address = parseAddress(text);
  return address?.family === prefix.family && maskBytes(address.bytes, prefix.length).equals(prefix.bytes);
}
