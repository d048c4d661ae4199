/** Accounting: sessions begin, change and end; what waited for an address or a session id begins to be mirrored. */
import { EventError } from "../../events/errors.js";
import type { LiEvent } from "../../events/li-event.js";
import { ERROR_CAUSE } from "../../events/types.js";
import { InterceptError } from "../../intercepts/errors.js";
import { claimAddresses } from "../claims.js";
import { type Decision, NOTHING } from "../decision.js";
import { withSessionId } from "../intercept.js";
import { findOnlyPending, findPending } from "../join.js";
import { acctSessionIdOf, mergeKept, readKept, withoutPrefixes } from "../merge.js";
import { notifyIntercept } from "../notify.js";
import { type KeptAttributes, type Session, type SessionIntercept, type Transition, withChanges } from "../session.js";
import type { SessionReader } from "../store.js";
import type { RuleContext, SequencedEvent } from "./context.js";
import { endSession, endSessions } from "./end.js";
import { newSession } from "./login.js";

/** Accounting-Start and Interim-Update. An interim of a session that nobody knows begins it: its Start got lost. */
export function accountingUpdate(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const acctSessionId = requireSessionId(event);
  const known = reader.find(event.nas, acctSessionId);
  const kept = readKept(event.attributes, known?.attributes);
  if (known !== undefined && known.seq >= event.seq) return NOTHING;
  if (known === undefined && isAfterItsStop(reader, event, acctSessionId)) return NOTHING;
  if (known !== undefined && !isAnotherLogin(known, event, kept))
    return updateKnown(reader, known, event, kept, context);
  const ended = known === undefined ? NOTHING : endSession(known, "the NAS used the session id again", event, context);
  const begun = begin(reader, event, acctSessionId, kept, context, known);
  return {
    transitions: [...ended.transitions, ...begun.transitions],
    notifications: [...ended.notifications, ...begun.notifications],
  };
}

export function accountingStop(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const acctSessionId = requireSessionId(event);
  const known = reader.find(event.nas, acctSessionId) ?? pendingOf(reader, event, acctSessionId);
  if (known === undefined || known.seq >= event.seq) return NOTHING;
  return endSession(known, undefined, event, context);
}

/** A Stop that comes again has ended its session already, and must not end another's login. */
function pendingOf(reader: SessionReader, event: SequencedEvent, acctSessionId: string): Session | undefined {
  if (reader.hasEnded(event.nas, acctSessionId)) return undefined;
  return findOnlyPending(reader, event.nas, readKept(event.attributes));
}

/** Accounting-On and -Off: the NAS has no sessions any more. */
export function accountingOnOff(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const sessions = [...reader.ofNas(event.nas)].filter((session) => session.seq < event.seq);
  return endSessions(sessions, "NAS-Reboot", event, context);
}

/** An interim update that a NAS repeated until it came behind the Stop would take the address from whoever has it by now. */
function isAfterItsStop(reader: SessionReader, event: SequencedEvent, acctSessionId: string): boolean {
  return event.type === "accounting-interim" && reader.hasStopped(event.nas, acctSessionId);
}

/** The same Acct-Session-Id in a Start with another User-Name: the NAS has restarted its counter. */
function isAnotherLogin(known: Session, event: SequencedEvent, kept: KeptAttributes): boolean {
  const [one, other] = [known.attributes["User-Name"], kept["User-Name"]];
  return event.type === "accounting-start" && one !== undefined && other !== undefined && one !== other;
}

function updateKnown(
  reader: SessionReader,
  known: Session,
  event: SequencedEvent,
  kept: KeptAttributes,
  context: RuleContext,
): Decision {
  const starts = event.type === "accounting-start";
  const claimed = starts || known.lost === "" ? kept : withoutPrefixes(kept, new Set(known.lost.split(" ")));
  const attributes = mergeKept(known.attributes, claimed);
  // Seen, not changed: nothing to store, nothing to program.
  const retries = known.intercepts.some((intercept) => intercept.failed);
  if (attributes === known.attributes && !retries)
    return { ...NOTHING, transitions: [{ before: known, after: known }] };
  const changes = { attributes, seq: event.seq, ...(starts && { lost: "" }) };
  return settle(reader, known, withChanges(known, changes), context, new Set());
}

function begin(
  reader: SessionReader,
  event: SequencedEvent,
  acctSessionId: string,
  kept: KeptAttributes,
  context: RuleContext,
  ended: Session | undefined,
): Decision {
  const except = new Set(ended === undefined ? [] : [ended]);
  const pending = findPending(reader, event.nas, kept);
  if (pending === undefined) return settle(reader, undefined, newSession(event, acctSessionId, kept), context, except);
  const joined = withChanges(pending, {
    acctSessionId,
    createdBy: "",
    attributes: mergeKept(pending.attributes, kept),
    seq: event.seq,
  });
  return settle(reader, pending, joined, context, except);
}

/** Completes what waited, tries again what failed, and takes the addresses from whoever had them before. */
function settle(
  reader: SessionReader,
  before: Session | undefined,
  session: Session,
  context: RuleContext,
  except: ReadonlySet<Session>,
): Decision {
  const notifications: LiEvent[] = [];
  const intercepts = session.intercepts.map((intercept) => complete(session, intercept, context, notifications));
  const after = intercepts.length === 0 ? session : withChanges(session, { intercepts });
  const transition: Transition = { ...(before !== undefined && { before }), after };
  return { transitions: [transition, ...claimAddresses(reader, before, after, except)], notifications };
}

function complete(
  session: Session,
  intercept: SessionIntercept,
  context: RuleContext,
  notifications: LiEvent[],
): SessionIntercept {
  try {
    return { ...withSessionId(intercept, session), failed: false };
  } catch (error) {
    if (!(error instanceof InterceptError)) throw error;
    const extra = { errorCause: ERROR_CAUSE.invalidRequest };
    if (!intercept.failed)
      notifications.push(notifyIntercept("MirroringFailure", session, intercept, context.now, extra));
    return { ...intercept, failed: true };
  }
}

function requireSessionId(event: SequencedEvent): string {
  const id = acctSessionIdOf(event.attributes);
  if (id !== undefined) return id;
  throw new EventError(
    "Acct-Session-Id",
    "Acct-Session-Id is missing: accounting records name their session",
    ERROR_CAUSE.missingAttribute,
  );
}
