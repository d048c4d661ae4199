/** The keys under which a session is found. A key that several sessions share leads to each of them. */
import { isPending, prefixesOf, type Session } from "./session.js";

/** Attributes by which a CoA may name a session. */
export const TRIGGER_ATTRIBUTES = [
  "Acct-Session-Id",
  "User-Name",
  "Framed-IP-Address",
  "Calling-Station-Id",
  "NAS-Port-Id",
] as const;
export type TriggerAttribute = (typeof TRIGGER_ATTRIBUTES)[number];

export const keyOf = {
  acctSessionId: (id: string): string => `s ${id}`,
  userName: (name: string): string => `u ${name}`,
  callingStationId: (id: string): string => `c ${id}`,
  nasPortId: (id: string): string => `l ${id}`,
  circuitId: (id: string): string => `i ${id}`,
  remoteId: (id: string): string => `r ${id}`,
  prefix: (prefix: string): string => `x ${prefix}`,
  /** The same, for sessions alone that no accounting has named yet. */
  pending: (key: string): string => `p${key}`,
} as const;

/** Keys of a session, each once. */
export function indexKeys(session: Session): string[] {
  const { attributes } = session;
  const keys: string[] = [];
  if (attributes["User-Name"] !== undefined) keys.push(keyOf.userName(attributes["User-Name"]));
  if (attributes["Calling-Station-Id"] !== undefined)
    keys.push(keyOf.callingStationId(attributes["Calling-Station-Id"]));
  if (attributes["NAS-Port-Id"] !== undefined) keys.push(keyOf.nasPortId(attributes["NAS-Port-Id"]));
  if (attributes["ADSL-Agent-Circuit-Id"] !== undefined)
    keys.push(keyOf.circuitId(attributes["ADSL-Agent-Circuit-Id"]));
  if (attributes["ADSL-Agent-Remote-Id"] !== undefined) keys.push(keyOf.remoteId(attributes["ADSL-Agent-Remote-Id"]));
  for (const prefix of prefixesOf(session)) {
    const key = keyOf.prefix(prefix);
    if (!keys.includes(key)) keys.push(key);
  }
  if (isPending(session)) return keys.concat(keys.map(keyOf.pending));
  keys.push(keyOf.acctSessionId(session.acctSessionId as string));
  return keys;
}
