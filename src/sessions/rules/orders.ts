/** What an instruction does to one session. Rules of RADIUS-triggered mirroring: start, replace, stop, decoy. */
import { EventError } from "../../events/errors.js";
import type { LiOrder } from "../../events/li.js";
import type { LiEvent } from "../../events/li-event.js";
import { timesOf } from "../../events/li-terms.js";
import { ERROR_CAUSE, type LiInstruction } from "../../events/types.js";
import { InterceptError } from "../../intercepts/errors.js";
import type { Outcome } from "../decision.js";
import { isWaiting, makeIntercept, radiusIntercept, withIntercept } from "../intercept.js";
import { notifyIntercept } from "../notify.js";
import { type Session, type SessionIntercept, withChanges } from "../session.js";
import type { RuleContext, SequencedEvent } from "./context.js";

export interface Carried {
  readonly session: Session;
  readonly outcome: Outcome;
  readonly notifications: readonly LiEvent[];
}

export function sourceOf(event: SequencedEvent): SessionIntercept["source"] {
  return event.type === "coa" ? "radiusCoa" : "radiusLogin";
}

/** Carries out `order` on `session`. Throws EventError where the rules refuse it; nothing is changed then. */
export function carryOut(session: Session, order: LiOrder, event: SequencedEvent, context: RuleContext): Carried {
  if (order.action === "stop-in-force") return stop(session, undefined, event, context);
  switch (order.action) {
    case "noop":
      return { session, outcome: { result: "noop" }, notifications: [] };
    case "on":
      return start(session, order, event, context);
    case "off":
      return stop(session, order, event, context);
  }
}

function start(session: Session, order: LiInstruction, event: SequencedEvent, context: RuleContext): Carried {
  refuseIfOver(order, event);
  const source = sourceOf(event);
  const intercept = tryMake(session, order, event, context);
  const mirrored = withChanges(session, { intercepts: withIntercept(session, intercept), seq: event.seq });
  const kind = source === "radiusLogin" ? "LiSubscriberLoggedIn" : "LiServiceActivated";
  return {
    session: mirrored,
    outcome: isWaiting(mirrored, intercept) ? { result: "applied", detail: WAITING } : { result: "applied" },
    notifications: [notifyIntercept(kind, mirrored, intercept, context.now)],
  };
}

/** By the event's own time, so that it means the same whenever the stream is read again. */
function refuseIfOver(order: LiInstruction, event: SequencedEvent): void {
  const { notAfter } = timesOf(order);
  if (notAfter !== undefined && notAfter <= event.time)
    throw new EventError(
      "li.notAfter",
      "li.notAfter must be later than the event: the intercept would be over already",
    );
}

const WAITING = "mirroring starts as soon as accounting brings the subscriber's address and session";

function tryMake(
  session: Session,
  order: LiInstruction,
  event: SequencedEvent,
  context: RuleContext,
): SessionIntercept {
  try {
    const mandate = event.li.kind === "plain" ? event.li.mandate : undefined;
    return makeIntercept(session, order, { eventId: event.id, source: sourceOf(event), mandate }, context.defaults);
  } catch (error) {
    if (error instanceof InterceptError) throw new EventError(error.field, error.message);
    throw error;
  }
}

function stop(
  session: Session,
  order: LiInstruction | undefined,
  event: SequencedEvent,
  context: RuleContext,
): Carried {
  const running = radiusIntercept(session);
  if (running === undefined) {
    throw new EventError("li.action", "nothing is mirrored that could be stopped", ERROR_CAUSE.invalidRequest);
  }
  if (order !== undefined) mustRepeat(running.order, order);
  return {
    session: withChanges(session, {
      intercepts: session.intercepts.filter((other) => other !== running),
      seq: event.seq,
    }),
    outcome: { result: "stopped" },
    notifications: [notifyIntercept("LiServiceDeactivated", session, running, context.now)],
  };
}

/** A stop has to repeat the values in force: whoever cannot name them has no business stopping it. */
function mustRepeat(inForce: LiInstruction, stopping: LiInstruction): void {
  const differs = (field: string): never => {
    throw new EventError(field, `a stop must repeat the ${field} in force`, ERROR_CAUSE.invalidRequest);
  };
  if (stopping.handle !== inForce.handle) differs("handle (ERX-Med-Dev-Handle)");
  if (stopping.mediation.address !== inForce.mediation.address) differs("mediation.address (ERX-Med-Ip-Address)");
  if (stopping.mediation.port !== inForce.mediation.port) differs("mediation.port (ERX-Med-Port-Number)");
  if (stopping.mediation.portTo !== inForce.mediation.portTo) differs("mediation.portTo");
}
