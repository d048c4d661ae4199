/** What is to be done about a CoA- or Disconnect-Request, as far as that needs no session. Pure. */
import { EventError } from "../events/errors.js";
import type { LiOrder } from "../events/li.js";
import { ERROR_CAUSE, type ErrorCause } from "../events/types.js";
import { CODE, TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import type { Hop } from "../radius/hiding.js";
import { revealLi, withoutLi } from "../radius/li.js";
import type { Attribute, Packet } from "../radius/packet.js";
import { type NokiaOptions, readOrder } from "./li-order.js";
import type { NasTable } from "./nas-table.js";

export type CoaDecision =
  /** `detail` names no value. */
  | { readonly kind: "nak"; readonly errorCause: ErrorCause; readonly detail: string }
  | {
      readonly kind: "go";
      readonly nas: string;
      /** Undefined in a Disconnect-Request, and in a CoA-Request that has only what the NAS itself takes. */
      readonly order: LiOrder | undefined;
      /** The client to relay to; undefined where nothing is relayed. */
      readonly relay: string | undefined;
    };

export interface CoaRules {
  readonly nases: NasTable;
  readonly dictionary: Dictionary;
  readonly nokia: NokiaOptions;
}

/** By these a request names a session. Acct-Multi-Session-Id is not among them: one can stand for many. */
const IDENTIFIES_SESSION: ReadonlySet<number> = new Set([
  TYPE.acctSessionId,
  TYPE.userName,
  TYPE.callingStationId,
  TYPE.framedIpAddress,
  TYPE.nasPortId,
]);

/** What else may be there without asking for a change: the NAS, the exchange, more of the session (RFC 5176 section 3). */
const ASKS_FOR_NOTHING: ReadonlySet<number> = new Set([
  ...IDENTIFIES_SESSION,
  TYPE.nasIdentifier,
  TYPE.nasIpAddress,
  TYPE.nasIpv6Address,
  TYPE.calledStationId,
  TYPE.proxyState,
  TYPE.eventTimestamp,
  TYPE.messageAuthenticator,
  // NAS-Port, Acct-Multi-Session-Id, Chargeable-User-Identity, Framed-Interface-Id, Framed-IPv6-Prefix, Delegated-IPv6-Prefix,
  // Framed-IPv6-Address, Acct-Terminate-Cause
  5,
  50,
  89,
  96,
  97,
  123,
  168,
  49,
]);

/** `hop` is what the sender's LI attributes are encrypted with. */
export function decideCoa(packet: Packet, hop: Hop, rules: CoaRules): CoaDecision {
  const found = rules.nases.find(packet, rules.dictionary);
  if (found.kind === "mismatch") {
    return nak(ERROR_CAUSE.nasIdentificationMismatch, "the request names a NAS that is not behind this gateway");
  }
  if (found.kind === "unnamed") {
    return nak(ERROR_CAUSE.missingAttribute, "NAS-Identifier is missing, and several NASes are behind this gateway");
  }
  if (!packet.attributes.some(({ type, value }) => IDENTIFIES_SESSION.has(type) && value.length > 0)) {
    return nak(ERROR_CAUSE.missingAttribute, "the request names no session");
  }
  const read = readOrNak(packet, hop, rules.nokia);
  if (read.kind === "nak") return read;
  const wishes = withoutLi(packet.attributes).filter(({ type }) => !ASKS_FOR_NOTHING.has(type));
  return route(packet, found.nas, found.relay, read.order, wishes);
}

function route(
  packet: Packet,
  nas: string,
  relay: string | undefined,
  order: LiOrder | undefined,
  wishes: readonly Attribute[],
): CoaDecision {
  if (packet.code === CODE.disconnectRequest) {
    if (order !== undefined) {
      return nak(ERROR_CAUSE.unsupportedAttribute, "a Disconnect-Request carries LI attributes");
    }
    if (relay === undefined && wishes.length > 0) return unsupported();
    return { kind: "go", nas, order, relay };
  }
  if (wishes.length > 0 && relay === undefined) return unsupported();
  if (order === undefined && relay === undefined) {
    return nak(ERROR_CAUSE.missingAttribute, "the request asks for no change");
  }
  const forNas = order === undefined || wishes.length > 0;
  return { kind: "go", nas, order, relay: forNas ? relay : undefined };
}

type Nak = Extract<CoaDecision, { kind: "nak" }>;

function readOrNak(
  packet: Packet,
  hop: Hop,
  nokia: NokiaOptions,
): Nak | { readonly kind: "read"; readonly order: LiOrder | undefined } {
  try {
    const values = revealLi(packet.attributes, hop);
    return { kind: "read", order: values === undefined ? undefined : readOrder(values, nokia) };
  } catch (error) {
    if (error instanceof EventError) return nak(error.errorCause, error.message);
    if (error instanceof RadiusError) return nak(ERROR_CAUSE.invalidRequest, error.message);
    throw error;
  }
}

function nak(errorCause: ErrorCause, detail: string): Nak {
  return { kind: "nak", errorCause, detail };
}

function unsupported(): Nak {
  return nak(
    ERROR_CAUSE.unsupportedAttribute,
    "the request asks for a change that only the NAS can make, and nothing is relayed to it",
  );
}
