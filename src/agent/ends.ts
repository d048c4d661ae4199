/** How intercepts that RADIUS ordered end: remembered, so that no old record brings them back, and in time. */
import type { Logger } from "pino";
import type { LiEvent } from "../events/li-event.js";
import type { AgentTrust } from "../security/trust.js";
import { validityOf } from "../sessions/intercept.js";
import { notifyIntercept } from "../sessions/notify.js";
import { type Session, type Transition, withChanges } from "../sessions/session.js";
import type { Applier } from "./applier.js";
import { Deadlines } from "./deadlines.js";

export interface EndsParts {
  readonly applier: Pick<Applier, "change">;
  readonly trust: AgentTrust;
  readonly notify: (notification: LiEvent) => void;
  readonly log: Logger;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** Milliseconds since some moment; never steps. */
  readonly steadyClock: () => number;
}

export class Ends {
  readonly #deadlines: Deadlines<string>;
  /** The latest record of the session of each intercept that has an end. */
  readonly #sessions = new Map<string, Session>();

  constructor(private readonly parts: EndsParts) {
    this.#deadlines = new Deadlines(parts.clock, parts.steadyClock);
  }

  note({ before, after }: Transition): void {
    for (const { key, origin, mandate } of before?.intercepts ?? []) {
      if (origin !== "radius" || after?.intercepts.some((intercept) => intercept.key === key)) continue;
      this.#deadlines.delete(key);
      this.#sessions.delete(key);
      if (mandate !== undefined) this.parts.trust.ended(key, mandate.notAfter);
    }
    for (const { key, origin, order, mandate } of after?.intercepts ?? []) {
      if (origin !== "radius" || mandate === undefined || after === undefined) continue;
      if (!this.#sessions.has(key) || !before?.intercepts.some((it) => it.key === key && it.mandate === mandate)) {
        this.#deadlines.set(key, validityOf({ order, mandate }).notAfter ?? mandate.notAfter);
      }
      this.#sessions.set(key, after);
    }
  }

  /** Takes out what is over. To be called every now and then; the kernel has ended it on time. */
  expire(): void {
    const { applier, trust, notify, log, clock } = this.parts;
    const overdue = this.#deadlines.takeOverdue();
    if (overdue.length === 0) return;
    for (const key of overdue) {
      const session = this.#sessions.get(key);
      const over = session?.intercepts.find((intercept) => intercept.key === key);
      if (session === undefined || over === undefined) continue;
      const intercepts = session.intercepts.filter((intercept) => intercept !== over);
      applier.change(session, withChanges(session, { intercepts }));
      notify(
        notifyIntercept("LiServiceDeactivated", session, over, clock(), {
          terminationReason: "the order's validity is over",
        }),
      );
    }
    log.info({ intercepts: overdue.length }, "the validity of intercepts is over");
    trust.commit();
  }
}
