/** From the answers of several agents to one. Pure. */
import { ERROR_CAUSE, type ErrorCause, type EventResult } from "../events/types.js";

export type Verdict = { readonly kind: "ack" } | { readonly kind: "nak"; readonly errorCause: ErrorCause };

/**
 * One "applied" is enough. Else the worst counts: a refusal, then "stopped" and "noop"; an agent that does not know
 * the session speaks for all only when no other agent knew it. No answer at all: 502.
 */
export function verdictOf(results: readonly EventResult[]): Verdict {
  if (results.some(({ result }) => result === "applied")) return { kind: "ack" };
  const refusal = results.find(({ result }) => result === "rejected");
  if (refusal !== undefined) return { kind: "nak", errorCause: refusal.errorCause ?? ERROR_CAUSE.invalidRequest };
  if (results.some(({ result }) => result === "stopped" || result === "noop")) return { kind: "ack" };
  return {
    kind: "nak",
    errorCause: results.length > 0 ? ERROR_CAUSE.sessionContextNotFound : ERROR_CAUSE.requestNotRoutable,
  };
}
