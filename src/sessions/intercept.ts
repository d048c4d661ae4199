/** From an instruction to a session's intercept, and from that to what the datapath is told. */
import { createHash } from "node:crypto";
import { timesOf } from "../events/li-terms.js";
import type { LiInstruction } from "../events/types.js";
import { InterceptError } from "../intercepts/errors.js";
import { parseHandle, requireRoom, sessionIdOf } from "../intercepts/handle.js";
import type { InterceptSpec, SubscriberMatch } from "../intercepts/types.js";
import { commonPrefixes } from "../net/prefixes.js";
import { prefixesOf, type Session, type SessionIntercept } from "./session.js";

/** What the configuration says about every intercept. */
export interface InterceptDefaults {
  readonly header: "junos" | "nokia";
  /** Outer DSCP, 0 to 63. */
  readonly dscp?: number;
}

/**
 * The intercept that `order` starts on `session`. Throws InterceptError where the ids do not fit.
 * A running intercept of the session keeps its key, so that the datapath changes it without a gap.
 */
export function makeIntercept(
  session: Session,
  order: LiInstruction,
  origin: Pick<SessionIntercept, "source" | "mandate"> & { readonly eventId: string },
  defaults: InterceptDefaults,
): SessionIntercept {
  const handle = parseHandle(order.handle);
  requireRoom(handle, order.header ?? defaults.header);
  return {
    key: radiusIntercept(session)?.key ?? interceptKey(origin.eventId, session),
    origin: "radius",
    order,
    interceptId: handle.interceptId,
    sessionId: handle.sessionId ?? sessionIdFrom(session),
    source: origin.source,
    mandate: origin.mandate,
    failed: false,
  };
}

/** The intercept with the session id that has become known with the Acct-Session-Id. Throws InterceptError. */
export function withSessionId(intercept: SessionIntercept, session: Session): SessionIntercept {
  const { acctSessionId } = session;
  if (intercept.sessionId !== undefined || acctSessionId === undefined) return intercept;
  const sessionId = intercept.origin === "warrant" ? anySessionIdOf(acctSessionId) : sessionIdOf(acctSessionId);
  return { ...intercept, sessionId };
}

/** A warrant does not know how a NAS spells its session ids: one that is no number has a hash for its number. */
function anySessionIdOf(acctSessionId: string): number {
  try {
    return sessionIdOf(acctSessionId);
  } catch (error) {
    if (!(error instanceof InterceptError)) throw error;
    return createHash("sha256").update(acctSessionId).digest().readUInt32BE(0);
  }
}

export function radiusIntercept(session: Session): SessionIntercept | undefined {
  return session.intercepts.find((intercept) => intercept.origin === "radius");
}

/** The session's intercepts with that of the same origin replaced by `intercept`, or added. */
export function withIntercept(session: Session, intercept: SessionIntercept): readonly SessionIntercept[] {
  return [...session.intercepts.filter((other) => other.origin !== intercept.origin), intercept];
}

/** What the datapath is told; undefined while an address or the session id is not known. */
export function specOf(
  session: Session,
  intercept: SessionIntercept,
  defaults: InterceptDefaults,
): InterceptSpec | undefined {
  const { order, interceptId, sessionId } = intercept;
  const matches = matchesOf(session, intercept);
  if (sessionId === undefined || matches.length === 0) return undefined;
  const spec: InterceptSpec = {
    key: intercept.key,
    matches,
    direction: order.direction ?? "both",
    header: { format: order.header ?? defaults.header, interceptId, sessionId },
    mediation: order.mediation,
  };
  return withTerms(spec, intercept, order.dscp ?? defaults.dscp);
}

/** Most orders have none; a starting agent makes a specification of each, and objects put together are slow to make. */
function withTerms(
  spec: { -readonly [Field in keyof InterceptSpec]: InterceptSpec[Field] },
  intercept: SessionIntercept,
  dscp: number | undefined,
): InterceptSpec {
  const { zone, dropPolicy, rate, snapLength, multicast } = intercept.order;
  const { notBefore, notAfter } = validityOf(intercept);
  if (dscp !== undefined) spec.dscp = dscp;
  if (notBefore !== undefined) spec.notBefore = notBefore;
  if (notAfter !== undefined) spec.notAfter = notAfter;
  if (zone !== undefined) spec.zone = zone;
  if (dropPolicy !== undefined) spec.dropPolicy = dropPolicy;
  if (rate !== undefined) spec.rate = rate;
  if (snapLength !== undefined) spec.snapLength = snapLength;
  if (multicast !== undefined) spec.multicast = multicast;
  return spec;
}

/** The order's own times; its mandate may end earlier. */
export function validityOf({
  order,
  mandate,
}: Pick<SessionIntercept, "order" | "mandate">): Pick<InterceptSpec, "notBefore" | "notAfter"> {
  const times = timesOf(order);
  return mandate === undefined ? times : { ...times, notAfter: Math.min(mandate.notAfter, times.notAfter ?? Infinity) };
}

/** Waits for something that only accounting can bring. */
export function isWaiting(session: Session, intercept: SessionIntercept): boolean {
  return intercept.sessionId === undefined || matchesOf(session, intercept).length === 0;
}

/** The session's addresses, or what of them the order is about, and what the instruction names beside them. */
function matchesOf(session: Session, { order, mandate }: SessionIntercept): SubscriberMatch[] {
  const within = mandate?.warrant?.within;
  const prefixes = within === undefined ? prefixesOf(session) : commonPrefixes(prefixesOf(session), within);
  const matches = unique(prefixes).map(matchOf);
  return order.match === undefined ? matches : [...matches, ...order.match];
}

function unique(prefixes: readonly string[]): readonly string[] {
  const isFirst = (prefix: string, index: number) => prefixes.indexOf(prefix) === index;
  return prefixes.every(isFirst) ? prefixes : prefixes.filter(isFirst);
}

function matchOf(prefix: string): SubscriberMatch {
  return { kind: prefix.includes(":") ? "ipv6" : "ipv4", prefix };
}

function sessionIdFrom(session: Session): number | undefined {
  return session.acctSessionId === undefined ? undefined : sessionIdOf(session.acctSessionId);
}

/** Salted by the event's id, so that nobody finds the session by trying session ids. */
function interceptKey(eventId: string, session: Session): string {
  const hash = createHash("sha256");
  for (const part of [eventId, session.nas, session.acctSessionId ?? session.createdBy])
    hash.update(`${part.length}:${part}`);
  return `i-${hash.digest("hex").slice(0, 20)}`;
}
