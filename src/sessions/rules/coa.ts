/** CoA-Request and Disconnect-Request: what the RADIUS server asks of sessions that are up. */

import { EventError } from "../../events/errors.js";
import type { LiOrder } from "../../events/li.js";
import type { LiEvent } from "../../events/li-event.js";
import { answer, type Decision, NOTHING, type Outcome, UNKNOWN_SESSION } from "../decision.js";
import { radiusIntercept } from "../intercept.js";
import type { Session, Transition } from "../session.js";
import type { SessionReader } from "../store.js";
import type { RuleContext, SequencedEvent } from "./context.js";
import { endSessions } from "./end.js";
import { carryOut } from "./orders.js";
import { findTargets } from "./targets.js";

export function coa(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const { li } = event;
  if (li.kind === "refused") throw li.problem;
  const targets = findTargets(reader, event);
  if (targets.length === 0) return answer(UNKNOWN_SESSION);
  if (targets.every((session) => session.seq >= event.seq)) return NOTHING;
  if (li.kind === "none") return answer({ result: "noop" });
  if (li.kind === "sealed") throw new Error("a sealed instruction must be opened before the rules see it");
  if (li.isRepeated !== true && li.order.action === "on") refuseIfLate(event, context);
  return carryOutOnEach(targets, li.order, event, context);
}

/** A start alone: an end is never too late. */
function refuseIfLate({ time }: SequencedEvent, { now, maxCoaAgeMs = Infinity }: RuleContext): void {
  if (now - time <= maxCoaAgeMs) return;
  throw new EventError(
    "time",
    `time is more than ${maxCoaAgeMs / 1000} s ago, and a CoA so old starts nothing any more: send it again, and check the clocks`,
  );
}

/** The NAS is to end the session. */
export function disconnect(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  const targets = findTargets(reader, event);
  if (targets.length === 0) return answer(UNKNOWN_SESSION);
  const current = targets.filter((session) => session.seq < event.seq);
  if (current.length === 0) return NOTHING;
  return { ...endSessions(current, "Admin-Reset", event, context), outcome: { result: "stopped" } };
}

/** All or none (RFC 5176 section 2.2): the first refusal refuses the request. */
function carryOutOnEach(
  targets: readonly Session[],
  order: LiOrder,
  event: SequencedEvent,
  context: RuleContext,
): Decision {
  const transitions: Transition[] = [];
  const notifications: LiEvent[] = [];
  let outcome: Outcome = { result: "noop" };
  for (const before of concerned(targets, order)) {
    const carried = carryOut(before, order, event, context);
    if (carried.session !== before) transitions.push({ before, after: carried.session });
    notifications.push(...carried.notifications);
    outcome = carried.outcome;
  }
  return { transitions, notifications, outcome };
}

/** A stop concerns those of the sessions that are mirrored; where none is, it is refused on the first. */
function concerned(targets: readonly Session[], order: LiOrder): readonly Session[] {
  if (order.action === "on" || order.action === "noop") return targets;
  const mirrored = targets.filter((session) => radiusIntercept(session) !== undefined);
  return mirrored.length > 0 ? mirrored : targets.slice(0, 1);
}
