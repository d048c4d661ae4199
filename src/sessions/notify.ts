/** The contents of intercept-related events. */
import type { LiEvent, LiEventKind } from "../events/li-event.js";
import type { ErrorCause, LiInstruction } from "../events/types.js";
import { prefixesOf, type Session, type SessionIntercept } from "./session.js";

type Extra = Partial<Pick<LiEvent, "errorCause" | "terminationReason" | "inputOctets" | "outputOctets">>;

export function notifyIntercept(
  kind: LiEventKind,
  session: Session,
  intercept: SessionIntercept,
  now: number,
  extra: Extra = {},
): LiEvent {
  return {
    ...subjectOf(kind, session, now),
    configurationSource: intercept.source,
    ...(intercept.mandate?.warrant !== undefined && { trigger: intercept.mandate.warrant.trigger }),
    interceptId: intercept.interceptId,
    ...(intercept.sessionId !== undefined && { sessionId: intercept.sessionId }),
    direction: intercept.order.direction ?? "both",
    analyzerAddress: intercept.order.mediation.address,
    ...extra,
  };
}

/** An instruction that was refused: there is no intercept to speak of. */
export function notifyRefusal(
  session: Session,
  source: SessionIntercept["source"],
  now: number,
  errorCause: ErrorCause,
  order?: LiInstruction,
): LiEvent {
  return {
    ...subjectOf(source === "radiusLogin" ? "LiSubscriberLogInFailed" : "LiServiceActivationFailed", session, now),
    configurationSource: source,
    direction: order?.direction ?? "both",
    ...(order !== undefined && { analyzerAddress: order.mediation.address }),
    errorCause,
  };
}

function subjectOf(kind: LiEventKind, session: Session, now: number) {
  const { "User-Name": userName, "Calling-Station-Id": callingStationId } = session.attributes;
  return {
    kind,
    time: now,
    targetAddresses: prefixesOf(session),
    nas: session.nas,
    ...(session.acctSessionId !== undefined && { acctSessionId: session.acctSessionId }),
    ...(userName !== undefined && { userName }),
    ...(callingStationId !== undefined && { callingStationId }),
  };
}
