/** What is known of one subscriber session. Records are never changed in place: a change is a new record. */
import type { Mandate } from "../events/li.js";
import type { LiInstruction } from "../events/types.js";

/** Attributes that say who or where the subscriber is, and how often we shall hear of it. Kept as they came. */
export const IDENTITY_ATTRIBUTES = [
  "User-Name",
  "Calling-Station-Id",
  "NAS-Port-Id",
  "NAS-Port",
  "Class",
  "ADSL-Agent-Circuit-Id",
  "ADSL-Agent-Remote-Id",
  "Acct-Interim-Interval",
] as const;

/** What the subscriber is on the access network: by these a CoA may name a session. */
export const OWN_ADDRESS_ATTRIBUTES = [
  "Framed-IP-Address",
  "Framed-IPv6-Prefix",
  "Delegated-IPv6-Prefix",
  "Framed-IPv6-Address",
] as const;

/** Attributes that give the subscriber's addresses. Kept as canonical prefixes, several separated by a blank. */
export const ADDRESS_ATTRIBUTES = [...OWN_ADDRESS_ATTRIBUTES, "Framed-Route", "Framed-IPv6-Route"] as const;

export type IdentityAttribute = (typeof IDENTITY_ATTRIBUTES)[number];
export type AddressAttribute = (typeof ADDRESS_ATTRIBUTES)[number];
export type KeptAttribute = IdentityAttribute | AddressAttribute;
export type KeptAttributes = Readonly<Partial<Record<KeptAttribute, string>>>;

/** What brought an intercept about; one session may be under several. */
export type InterceptOrigin = "radius" | "warrant";

export interface SessionIntercept {
  /** Names the intercept in the datapath; holds no subject. */
  readonly key: string;
  readonly origin: InterceptOrigin;
  /** The instruction in force. */
  readonly order: LiInstruction;
  readonly interceptId: number;
  /** Undefined while a 4-byte handle waits for the Acct-Session-Id. */
  readonly sessionId: number | undefined;
  readonly source: "radiusLogin" | "radiusCoa" | "warrant";
  /** Undefined where nothing bounds it. */
  readonly mandate: Mandate | undefined;
  /** The datapath refused it after it had been promised; tried again whenever the session changes. */
  readonly failed: boolean;
}

export interface Session {
  readonly nas: string;
  /** Undefined between an Access-Accept that did not name it and the first accounting of the session. */
  readonly acctSessionId: string | undefined;
  /** Id of the event that made the record: names it while there is no Acct-Session-Id, and is empty from then on. */
  readonly createdBy: string;
  readonly attributes: KeptAttributes;
  /** Prefixes that a later login was given: interim updates of this session no longer claim them. Separated by a blank. */
  readonly lost: string;
  /** Stream sequence of the last event that changed the record. */
  readonly seq: number;
  readonly intercepts: readonly SessionIntercept[];
}

/** From what a session was to what it is. `before` absent: begins. `after` absent: ends. The same: was seen, unchanged. */
export interface Transition {
  readonly before?: Session;
  readonly after?: Session;
  /** Of one that ends: stream sequence of the event that says so, or up to which none does. */
  readonly seq?: number;
  /** Of one that ends: the NAS itself has said so, and says nothing of the session any more. */
  readonly isFinal?: boolean;
  /** Of one that ends: no event says so. */
  readonly isUnsaid?: boolean;
}

export const NO_INTERCEPTS: readonly SessionIntercept[] = [];

/** Every prefix of the session, canonical CIDR. */
export function prefixesOf(session: Session): string[] {
  const found: string[] = [];
  for (const name of ADDRESS_ATTRIBUTES) {
    const value = session.attributes[name];
    if (value === undefined) continue;
    if (value.includes(" ")) found.push(...value.split(" "));
    else found.push(value);
  }
  return found;
}

export function isPending(session: Session): boolean {
  return session.acctSessionId === undefined;
}

/** The session with other intercepts or attributes. All records are made here, so that they share one shape in memory. */
export function withChanges(session: Session, changes: Partial<Session>): Session {
  return makeSession({ ...session, ...changes });
}

export function makeSession(fields: Session): Session {
  return {
    nas: fields.nas,
    acctSessionId: fields.acctSessionId,
    createdBy: fields.createdBy,
    attributes: fields.attributes,
    lost: fields.lost,
    seq: fields.seq,
    intercepts: fields.intercepts.length === 0 ? NO_INTERCEPTS : fields.intercepts,
  };
}
