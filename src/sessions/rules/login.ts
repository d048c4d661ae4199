/** Access-Accept: a subscriber may log in, and may be mirrored from the first packet on. */
import { EventError } from "../../events/errors.js";
import { claimAddresses } from "../claims.js";
import { type Decision, rejected } from "../decision.js";
import { radiusIntercept } from "../intercept.js";
import { findSuperseded } from "../join.js";
import { acctSessionIdOf, mergeKept, readKept } from "../merge.js";
import { notifyRefusal } from "../notify.js";
import { type KeptAttributes, makeSession, NO_INTERCEPTS, type Session, withChanges } from "../session.js";
import type { SessionReader } from "../store.js";
import type { RuleContext, SequencedEvent } from "./context.js";
import { type Carried, carryOut } from "./orders.js";

export function accessAccept(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const kept = readKept(event.attributes);
  const acctSessionId = acctSessionIdOf(event.attributes);
  const known =
    acctSessionId === undefined ? findSuperseded(reader, event.nas, kept) : reader.find(event.nas, acctSessionId);
  if (known !== undefined && known.seq >= event.seq) return { transitions: [], notifications: [] };
  // A login on a line takes the place of one that never came up, its instruction with it.
  const superseded = known !== undefined && acctSessionId === undefined;
  const session =
    known === undefined || superseded
      ? newSession(event, acctSessionId, kept)
      : withChanges(known, { attributes: mergeKept(known.attributes, kept), lost: "", seq: event.seq });
  const carried = carryOutAtLogin(session, event, context);
  const after = carried?.session ?? session;
  return {
    transitions: [{ ...(known !== undefined && { before: known }), after }, ...claimAddresses(reader, known, after)],
    notifications: carried?.notifications ?? [],
    ...(carried !== undefined && { outcome: carried.outcome }),
  };
}

export function newSession(
  event: SequencedEvent,
  acctSessionId: string | undefined,
  attributes: KeptAttributes,
): Session {
  return makeSession({
    nas: event.nas,
    acctSessionId,
    createdBy: acctSessionId === undefined ? event.id : "",
    attributes,
    lost: "",
    seq: event.seq,
    intercepts: NO_INTERCEPTS,
  });
}

/** A refused instruction leaves the login as it is: the subscriber is online, not mirrored, and the answer says why. */
function carryOutAtLogin(session: Session, event: SequencedEvent, context: RuleContext): Carried | undefined {
  const { li } = event;
  if (li.kind === "none") return undefined;
  try {
    if (li.kind === "refused") throw li.problem;
    if (li.kind === "sealed") throw new Error("a sealed instruction must be opened before the rules see it");
    const stops = li.order.action === "off" || li.order.action === "stop-in-force";
    if (stops && radiusIntercept(session) === undefined)
      return { session, outcome: { result: "noop" }, notifications: [] };
    return carryOut(session, li.order, event, context);
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    return {
      session,
      outcome: rejected(error),
      notifications: [notifyRefusal(session, "radiusLogin", context.now, error.errorCause)],
    };
  }
}
