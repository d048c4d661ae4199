/** The keys under which a session is found. A key that several sessions share leads to each of them. */
import { type IdentityAttribute, isPending, prefixesOf, type Session } from "./session.js";

/** Attributes by which a CoA may name a session. */
export const TRIGGER_ATTRIBUTES = [
  "Acct-Session-Id",
  "User-Name",
  "Framed-IP-Address",
  "Calling-Station-Id",
  "NAS-Port-Id",
] as const;
export type TriggerAttribute = (typeof TRIGGER_ATTRIBUTES)[number];

/** What keys begin with; behind it stands the value. */
export const KEY_BEGINNING = {
  acctSessionId: "s ",
  userName: "u ",
  callingStationId: "c ",
  nasPortId: "l ",
  circuitId: "i ",
  remoteId: "r ",
  prefix: "x ",
} as const;
const PENDING = "p";

export const keyOf = {
  acctSessionId: (id: string): string => KEY_BEGINNING.acctSessionId + id,
  userName: (name: string): string => KEY_BEGINNING.userName + name,
  callingStationId: (id: string): string => KEY_BEGINNING.callingStationId + id,
  nasPortId: (id: string): string => KEY_BEGINNING.nasPortId + id,
  circuitId: (id: string): string => KEY_BEGINNING.circuitId + id,
  remoteId: (id: string): string => KEY_BEGINNING.remoteId + id,
  prefix: (prefix: string): string => KEY_BEGINNING.prefix + prefix,
  /** The same, for sessions alone that no accounting has named yet. */
  pending: (key: string): string => PENDING + key,
} as const;

const ATTRIBUTES: readonly (readonly [IdentityAttribute, string])[] = [
  ["User-Name", KEY_BEGINNING.userName],
  ["Calling-Station-Id", KEY_BEGINNING.callingStationId],
  ["NAS-Port-Id", KEY_BEGINNING.nasPortId],
  ["ADSL-Agent-Circuit-Id", KEY_BEGINNING.circuitId],
  ["ADSL-Agent-Remote-Id", KEY_BEGINNING.remoteId],
];

/** Gives each key once, in two parts, which nobody has to join to hash them. */
export function eachKey(session: Session, take: (beginning: string, value: string) => void): void {
  const pending = isPending(session);
  const give = (beginning: string, value: string): void => {
    take(beginning, value);
    if (pending) take(PENDING + beginning, value);
  };
  for (const [name, beginning] of ATTRIBUTES) {
    const value = session.attributes[name];
    if (value !== undefined) give(beginning, value);
  }
  const prefixes = prefixesOf(session);
  for (let at = 0; at < prefixes.length; at++) {
    const prefix = prefixes[at] as string;
    if (prefixes.indexOf(prefix) === at) give(KEY_BEGINNING.prefix, prefix);
  }
  if (session.acctSessionId !== undefined) take(KEY_BEGINNING.acctSessionId, session.acctSessionId);
}

/** Keys of a session, each once. */
export function indexKeys(session: Session): string[] {
  const keys: string[] = [];
  eachKey(session, (beginning, value) => keys.push(beginning + value));
  return keys;
}
