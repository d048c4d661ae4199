/** Intercept-related events to the mediation side (INI-2), named after the seven notifications of Junos. */
import type { ErrorCause } from "./types.js";

export const LI_EVENT_KINDS = [
  "MirroringFailure",
  "LiSubscriberLoggedIn",
  "LiSubscriberLogInFailed",
  "LiSubscriberLoggedOut",
  "LiServiceActivated",
  "LiServiceActivationFailed",
  "LiServiceDeactivated",
] as const;

export type LiEventKind = (typeof LI_EVENT_KINDS)[number];

/** By what a subject was found. */
export const TRIGGER_TYPES = [
  "interface",
  "address",
  "nasPortId",
  "userName",
  "callingStationId",
  "acctSessionId",
  "remoteId",
  "circuitId",
] as const;
export type TriggerType = (typeof TRIGGER_TYPES)[number];

/** Holds the subject: for the mediation side alone, never for a log. */
export interface LiEvent {
  readonly kind: LiEventKind;
  /** Unix time in milliseconds. */
  readonly time: number;
  readonly configurationSource: "radiusLogin" | "radiusCoa" | "warrant";
  /** Absent: the session itself was named, by its id or the user's name. */
  readonly trigger?: { readonly type: TriggerType; readonly value: string };
  readonly interceptId?: number;
  readonly sessionId?: number;
  readonly direction: "both" | "from" | "to";
  /** Prefixes of the subscriber, in CIDR. */
  readonly targetAddresses: readonly string[];
  readonly analyzerAddress?: string;
  readonly nas: string;
  readonly acctSessionId?: string;
  readonly userName?: string;
  readonly callingStationId?: string;
  readonly errorCause?: ErrorCause;
  /** Acct-Terminate-Cause, or why the session ended without one. */
  readonly terminationReason?: string;
  /** Octets of the whole session as the NAS counted them, decimal. */
  readonly inputOctets?: string;
  readonly outputOctets?: string;
}
