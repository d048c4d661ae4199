/**
 * The events that cross the bus: what happened at a NAS, as CloudEvents 1.0 (JSON, structured mode).
 * The contract with everyone who publishes without the gateway; it changes only with a decision record.
 */

import type { DropTerm, MediationTarget, SubscriberMatch } from "../intercepts/types.js";

export const RADIUS_EVENT_TYPES = [
  "access-accept",
  "accounting-start",
  "accounting-interim",
  "accounting-stop",
  "accounting-on",
  "accounting-off",
  "coa",
  "disconnect",
] as const;

export type RadiusEventType = (typeof RADIUS_EVENT_TYPES)[number];

/** What an instruction may say beside the four attributes. Nothing of it is needed; only who publishes events himself gives it. */
export interface LiTerms {
  /** RFC 3339, UTC. Mirrored is from the first moment on, and no longer at the second one; the kernel keeps both. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Outer DSCP, 0 to 63. Absent: what the agent's configuration says. */
  readonly dscp?: number;
  /** Packets that fit a term are left out of the mirror. */
  readonly dropPolicy?: readonly DropTerm[];
  /** What the copies may take; what exceeds it is dropped and counted. */
  readonly rate?: { readonly bytesPerSecond: number; readonly burstBytes: number };
  /** Bytes of each packet that are kept, from its IP header on. */
  readonly snapLength?: number;
  /** Also packets to multicast groups that a `match` by link finds. Absent: not. */
  readonly multicast?: boolean;
  /** By what else, beside the session's addresses, a packet is the subscriber's. */
  readonly match?: readonly SubscriberMatch[];
  /** The zone of `interfaces.zones` that the subscriber is in. Absent: the default zone. */
  readonly zone?: string;
}

/** RADIUS attributes by FreeRADIUS dictionary name; one that occurs several times is an array. */
export type RadiusAttributes = Readonly<Record<string, string | readonly string[]>>;

/** What the RADIUS server wants done about mirroring, after decryption and before any rule was applied to it. */
export interface LiInstruction extends LiTerms {
  readonly action: "on" | "off" | "noop";
  /** ERX-Med-Dev-Handle in hex: 8 digits (4 bytes) or 16 digits (8 bytes), without prefix. */
  readonly handle: string;
  readonly mediation: MediationTarget;
  /** Absent: both directions. `from` and `to` are seen from the subscriber. */
  readonly direction?: "both" | "from" | "to";
  /** Header in front of the copy. Absent: what the agent's configuration says. */
  readonly header?: "junos" | "nokia";
}

export interface RadiusEventData {
  readonly nas: string;
  readonly attributes: RadiusAttributes;
  /** In strict mode a sealed and signed string in place of the object. */
  readonly li?: LiInstruction | string;
}

export interface RadiusEvent {
  readonly specversion: "1.0";
  /** Also the `Nats-Msg-Id`. */
  readonly id: string;
  /** `radius/<nas>` */
  readonly source: string;
  readonly type: `radius.${RadiusEventType}`;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: RadiusEventData;
}

/** What stands on the bus in strict mode: attributes and instruction sealed, the latter signed too. */
export interface SealedRadiusEvent extends Omit<RadiusEvent, "data"> {
  /** `sealed`: base64url. */
  readonly data: { readonly nas: string; readonly sealed: string };
}

export type PublishedEvent = RadiusEvent | SealedRadiusEvent;

/** RFC 5176 section 3.5 and RFC 5176 section 7 values that this service answers with. */
export const ERROR_CAUSE = {
  unsupportedAttribute: 401,
  missingAttribute: 402,
  nasIdentificationMismatch: 403,
  invalidRequest: 404,
  administrativelyProhibited: 501,
  requestNotRoutable: 502,
  sessionContextNotFound: 503,
  resourcesUnavailable: 506,
} as const;

export type ErrorCause = (typeof ERROR_CAUSE)[keyof typeof ERROR_CAUSE];

export type ResultKind = "applied" | "noop" | "stopped" | "unknown-session" | "rejected";

/** An agent's answer to an event that asks for mirroring, on `submirror.result.<event id>`. */
export interface EventResult {
  readonly node: string;
  /** The id of the event that is answered. */
  readonly event: string;
  readonly result: ResultKind;
  readonly errorCause?: ErrorCause;
  /** One sentence; names the field, never the subject. */
  readonly detail?: string;
}
