/** Ends sessions of which nothing is heard any more, a few at a time. */
import type { Logger } from "pino";
import type { AgentConfig } from "../config/schema.js";
import type { LiEvent } from "../events/li-event.js";
import type { AgentMetrics } from "../metrics/agent-metrics.js";
import { notifyIntercept } from "../sessions/notify.js";
import type { SequencedEvent } from "../sessions/rules/context.js";
import { isPending, type Session } from "../sessions/session.js";
import { Silence } from "../sessions/silence.js";
import type { SessionStore } from "../sessions/store.js";
import type { Applier } from "./applier.js";

export interface SilentSessionsParts {
  readonly limits: AgentConfig["sessions"];
  readonly store: SessionStore;
  readonly applier: Pick<Applier, "end">;
  readonly notify: (notification: LiEvent) => void;
  readonly metrics: Pick<AgentMetrics, "silent">;
  readonly log: Logger;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** Milliseconds since some moment; never steps. */
  readonly steadyClock: () => number;
}

/** So many calls look at every session once. */
const CALLS_A_ROUND = 30;
const FEWEST_A_CALL = 1000;

export class SilentSessions {
  readonly #silence: Silence;
  #next = 0;
  /** Stream sequence of the event that was heard last. */
  #heardUpTo = 0;

  constructor(private readonly parts: SilentSessionsParts) {
    const { interimSeconds, missedInterims, silentNasHours, pendingSeconds } = parts.limits;
    this.#silence = new Silence(
      {
        interimMs: interimSeconds === undefined ? undefined : interimSeconds * 1000,
        missedInterims,
        silentNasMs: silentNasHours * 3_600_000,
        pendingMs: pendingSeconds * 1000,
      },
      parts.steadyClock(),
    );
  }

  heard({ nas, type, seq }: Pick<SequencedEvent, "nas" | "type" | "seq">): void {
    this.#heardUpTo = seq;
    this.#silence.heard(nas, this.parts.steadyClock(), type.startsWith("accounting-"));
  }

  /** Looks at some of the sessions, in turn. To be called once a second. Returns how many it ended. */
  sweep(): number {
    const { store, steadyClock, log } = this.parts;
    const now = steadyClock();
    const count = Math.max(FEWEST_A_CALL, Math.ceil(store.slots / CALLS_A_ROUND));
    const over = [...store.inSlots(this.#next, count)].filter((session) =>
      this.#silence.isOver(session, store.lastSeen(session) * 1000, now),
    );
    this.#next = this.#next + count >= store.slots ? 0 : this.#next + count;
    for (const session of over) this.#end(session);
    if (over.length > 0) log.warn({ sessions: over.length }, "sessions were ended: nothing was heard of them any more");
    return over.length;
  }

  #end(session: Session): void {
    const { applier, notify, metrics, clock } = this.parts;
    const terminationReason = isPending(session)
      ? "no accounting followed the login"
      : "no interim update came any more";
    applier.end(session, this.#heardUpTo);
    metrics.silent(isPending(session) ? "login" : "session");
    for (const intercept of session.intercepts)
      notify(notifyIntercept("LiSubscriberLoggedOut", session, intercept, clock(), { terminationReason }));
  }
}
