/** What is to be done about a CoA- or Disconnect-Request, as far as that needs no session. Pure. */
import { ERROR_CAUSE, type ErrorCause, type LiInstruction } from "../events/types.js";
import { CODE, TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import type { Hop } from "../radius/hiding.js";
import { revealLi, withoutLi } from "../radius/li.js";
import { type NokiaOptions, readLi } from "../radius/li-instruction.js";
import type { Attribute, Packet } from "../radius/packet.js";
import type { NasTable } from "./nas-table.js";

export type CoaDecision =
  /** `detail` names no value. */
  | { readonly kind: "nak"; readonly errorCause: ErrorCause; readonly detail: string }
  | {
      readonly kind: "go";
      readonly nas: string;
      /** Undefined in a Disconnect-Request, and in a CoA-Request that has only what the NAS itself takes. */
      readonly instruction: LiInstruction | undefined;
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
  const instruction = readInstruction(packet, hop, rules.nokia);
  if (instruction?.kind === "nak") return instruction;
  const wishes = withoutLi(packet.attributes).filter(({ type }) => !ASKS_FOR_NOTHING.has(type));
  return route(packet, found.nas, found.relay, instruction?.instruction, wishes);
}

function route(
  packet: Packet,
  nas: string,
  relay: string | undefined,
  instruction: LiInstruction | undefined,
  wishes: readonly Attribute[],
): CoaDecision {
  if (packet.code === CODE.disconnectRequest) {
    if (instruction !== undefined) {
      return nak(ERROR_CAUSE.unsupportedAttribute, "a Disconnect-Request carries LI attributes");
    }
    if (relay === undefined && wishes.length > 0) return unsupported();
    return { kind: "go", nas, instruction, relay };
  }
  if (wishes.length > 0 && relay === undefined) return unsupported();
  if (instruction === undefined && relay === undefined) {
    return nak(ERROR_CAUSE.missingAttribute, "the request asks for no change");
  }
  const forNas = instruction === undefined || wishes.length > 0;
  return { kind: "go", nas, instruction, relay: forNas ? relay : undefined };
}

type Nak = Extract<CoaDecision, { kind: "nak" }>;

function readInstruction(
  packet: Packet,
  hop: Hop,
  nokia: NokiaOptions,
): Nak | { readonly kind: "instruction"; readonly instruction: LiInstruction } | undefined {
  try {
    const values = revealLi(packet.attributes, hop);
    if (values === undefined) return undefined;
    const reading = readLi(values, nokia);
    return reading.kind === "refused" ? nak(reading.errorCause, reading.detail) : reading;
  } catch (error) {
    if (!(error instanceof RadiusError)) throw error;
    return nak(ERROR_CAUSE.invalidRequest, error.message);
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
