/** What the rules say to one event. Nothing has happened yet: whoever carries it out commits it. */
import type { EventError } from "../events/errors.js";
import type { LiEvent } from "../events/li-event.js";
import { ERROR_CAUSE, type ErrorCause, type ResultKind } from "../events/types.js";
import type { Transition } from "./session.js";

export interface Outcome {
  readonly result: ResultKind;
  readonly errorCause?: ErrorCause;
  /** One sentence; names the field, never the subject. */
  readonly detail?: string;
}

export interface Decision {
  /** At most one a session, in the order in which they are to be carried out. */
  readonly transitions: readonly Transition[];
  /** Sent once the transitions are carried out. */
  readonly notifications: readonly LiEvent[];
  /** Undefined where the event asks for no answer. */
  readonly outcome?: Outcome;
}

export const NOTHING: Decision = { transitions: [], notifications: [] };

export const UNKNOWN_SESSION: Outcome = {
  result: "unknown-session",
  errorCause: ERROR_CAUSE.sessionContextNotFound,
  detail: "no session of this NAS has the attributes that the event names",
};

export function rejected(problem: EventError): Outcome {
  return { result: "rejected", errorCause: problem.errorCause, detail: problem.message };
}

export function answer(outcome: Outcome): Decision {
  return { ...NOTHING, outcome };
}
