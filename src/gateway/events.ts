/** From packets to events. Pure. */
import type { LiInstruction, RadiusAttributes, RadiusEvent, RadiusEventType } from "../events/types.js";
import { CODE, TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { withoutLi } from "../radius/li.js";
import { nameAttributes } from "../radius/names.js";
import { firstAttribute, type Packet } from "../radius/packet.js";

export interface EventParts {
  readonly id: string;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly type: RadiusEventType;
  /** As `nasToken` makes it. */
  readonly nas: string;
  readonly attributes: RadiusAttributes;
  readonly li?: LiInstruction;
}

export function makeEvent({ id, now, type, nas, attributes, li }: EventParts): RadiusEvent {
  return {
    specversion: "1.0",
    id,
    source: `radius/${nas}`,
    type: `radius.${type}`,
    time: new Date(now).toISOString(),
    datacontenttype: "application/json",
    data: { nas, attributes, ...(li === undefined ? {} : { li }) },
  };
}

/** What is known of a session at login: the request's attributes, and on top of them the Accept's. */
export function loginAttributes(request: Packet, accept: Packet, dictionary: Dictionary): RadiusAttributes {
  // Not by spreading: V8 makes a hidden class of each, which lives until the old generation is collected.
  const attributes = packetAttributes(request, dictionary);
  return Object.assign(attributes, packetAttributes(accept, dictionary));
}

/** A packet's attributes by name, without secrets and without those that ask for mirroring. */
export function packetAttributes(packet: Packet, dictionary: Dictionary): RadiusAttributes {
  return nameAttributes(withoutLi(packet.attributes), dictionary);
}

/** RFC 2866 section 5.1. */
const ACCT_STATUS_EVENTS: ReadonlyMap<number, RadiusEventType> = new Map([
  [1, "accounting-start"],
  [2, "accounting-stop"],
  [3, "accounting-interim"],
  [7, "accounting-on"],
  [8, "accounting-off"],
]);

/** Undefined for tunnel and other records, which say nothing of a session's begin, state or end. */
export function accountingEventType(packet: Packet): RadiusEventType | undefined {
  const status = packet.code === CODE.accountingRequest ? firstAttribute(packet, TYPE.acctStatusType) : undefined;
  return status?.length === 4 ? ACCT_STATUS_EVENTS.get(status.readUInt32BE(0)) : undefined;
}
