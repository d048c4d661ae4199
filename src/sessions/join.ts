/**
 * Which Access-Accept an accounting record continues. An Accept often has no Acct-Session-Id, so its session is *pending*
 * until accounting names it. Attributes of the login are compared:
 *
 * - Class, Calling-Station-Id, NAS-Port-Id and NAS-Port must not differ where both sides have them.
 * - Then an address in common decides; else the same User-Name; else, where one side has no User-Name, a line in common
 *   (Calling-Station-Id, NAS-Port-Id or NAS-Port).
 * - Among several, the one with most in common; among equals the latest, since its instruction is the newest.
 */
import { keyOf } from "./index-keys.js";
import { ADDRESS_ATTRIBUTES, type KeptAttributes, type Session } from "./session.js";
import type { SessionReader } from "./store.js";

const LINE_ATTRIBUTES = ["Calling-Station-Id", "NAS-Port-Id", "NAS-Port"] as const;
const MUST_NOT_DIFFER = ["Class", ...LINE_ATTRIBUTES] as const;
/** Addresses outweigh the name, and the name outweighs all lines together. */
const WEIGHT = { address: 64, userName: 16, other: 1 } as const;

/** The pending session that the attributes of an accounting record belong to. */
export function findPending(reader: SessionReader, nas: string, kept: KeptAttributes): Session | undefined {
  if (reader.pending === 0) return undefined;
  let best: Session | undefined;
  let most = 0;
  for (const candidate of pendingCandidates(reader, nas, kept)) {
    const weight = agreement(candidate.attributes, kept);
    if (weight > most) [best, most] = [candidate, weight];
  }
  return best;
}

/**
 * The one pending session that a Stop without a Start can mean. Among several nobody knows: were one chosen, a Stop that
 * comes again would end the next. They end when no accounting follows.
 */
export function findOnlyPending(reader: SessionReader, nas: string, kept: KeptAttributes): Session | undefined {
  if (reader.pending === 0) return undefined;
  const agreeing = new Set<Session>();
  for (const candidate of pendingCandidates(reader, nas, kept)) {
    if (agreement(candidate.attributes, kept) > 0) agreeing.add(candidate);
  }
  const [only] = agreeing;
  return agreeing.size === 1 ? only : undefined;
}

/**
 * The pending session of an earlier login on the same line with the same name, which a new Access-Accept takes the place
 * of. Without any line attribute two logins may well live side by side: undefined.
 */
export function findSuperseded(reader: SessionReader, nas: string, kept: KeptAttributes): Session | undefined {
  if (!LINE_ATTRIBUTES.some((name) => kept[name] !== undefined)) return undefined;
  for (const candidate of pendingCandidates(reader, nas, kept)) {
    const { attributes } = candidate;
    if (["User-Name" as const, ...LINE_ATTRIBUTES].every((name) => attributes[name] === kept[name])) return candidate;
  }
  return undefined;
}

function* pendingCandidates(reader: SessionReader, nas: string, kept: KeptAttributes): Generator<Session> {
  const keys: string[] = [];
  for (const name of ADDRESS_ATTRIBUTES) {
    for (const prefix of kept[name]?.split(" ") ?? []) keys.push(keyOf.prefix(prefix));
  }
  if (kept["User-Name"] !== undefined) keys.push(keyOf.userName(kept["User-Name"]));
  if (kept["Calling-Station-Id"] !== undefined) keys.push(keyOf.callingStationId(kept["Calling-Station-Id"]));
  if (kept["NAS-Port-Id"] !== undefined) keys.push(keyOf.nasPortId(kept["NAS-Port-Id"]));
  for (const key of keys) yield* reader.under(nas, keyOf.pending(key));
}

/** 0: not the same login. */
function agreement(accept: KeptAttributes, accounting: KeptAttributes): number {
  if (MUST_NOT_DIFFER.some((name) => differ(accept[name], accounting[name]))) return 0;
  let weight = 0;
  for (const name of MUST_NOT_DIFFER) if (same(accept[name], accounting[name])) weight += WEIGHT.other;
  const line = LINE_ATTRIBUTES.some((name) => same(accept[name], accounting[name]));
  if (shareAddress(accept, accounting)) return weight + WEIGHT.address;
  if (same(accept["User-Name"], accounting["User-Name"])) return weight + WEIGHT.userName;
  return line && !differ(accept["User-Name"], accounting["User-Name"]) ? weight : 0;
}

function shareAddress(one: KeptAttributes, other: KeptAttributes): boolean {
  return ADDRESS_ATTRIBUTES.some((name) => {
    const theirs = other[name]?.split(" ");
    return theirs !== undefined && (one[name]?.split(" ").some((prefix) => theirs.includes(prefix)) ?? false);
  });
}

function same(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
