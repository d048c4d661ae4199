/** How many intercepts there are in each state, kept up with every transition. */
import type { InterceptState } from "../metrics/agent-metrics.js";
import { isWaiting } from "../sessions/intercept.js";
import type { Session, SessionIntercept, Transition } from "../sessions/session.js";

export class InterceptCounts {
  readonly counts: Record<InterceptState, number> = { active: 0, waiting: 0, failed: 0 };

  note({ before, after }: Transition): void {
    this.#add(before, -1);
    this.#add(after, 1);
  }

  #add(session: Session | undefined, step: number): void {
    for (const intercept of session?.intercepts ?? []) this.counts[stateOf(session as Session, intercept)] += step;
  }
}

export function stateOf(session: Session, intercept: SessionIntercept): InterceptState {
  if (intercept.failed) return "failed";
  return isWaiting(session, intercept) ? "waiting" : "active";
}
