/** Tasking by warrant on this node: every session of a subject is mirrored from its login on, as long as the warrant lasts. */
import type { LiEvent } from "../events/li-event.js";
import { ERROR_CAUSE } from "../events/types.js";
import type { AcceptedTaskOrder } from "../security/orders/decide.js";
import { notifyIntercept } from "../sessions/notify.js";
import { type Session, type SessionIntercept, type Transition, withChanges } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";
import { warrantChanges } from "../warrants/attach.js";
import { keyOfSubject, type Task, type TaskChange, WarrantRegistry } from "../warrants/registry.js";
import type { Applier } from "./applier.js";

export interface WarrantParts {
  readonly store: SessionStore;
  readonly applier: Pick<Applier, "change">;
  readonly notify: (notification: LiEvent) => void;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

/** How many sessions an order concerned, and of how many the datapath refused it. */
export interface Reach {
  readonly sessions: number;
  readonly refused: number;
}

interface Reason {
  readonly kind: "login" | "order";
  /** Why intercepts end that are due no more. */
  readonly why?: string;
}

interface Attached {
  readonly notifications: readonly LiEvent[];
  readonly changed: number;
  readonly refused: number;
}

const NOTHING: Attached = { notifications: [], changed: 0, refused: 0 };

export class Warrants {
  readonly registry = new WarrantRegistry();

  constructor(private readonly parts: WarrantParts) {}

  /** After a session began or changed. Returns what the mediation side is told. */
  follow({ before, after }: Transition): readonly LiEvent[] {
    if (after === undefined || before === after) return NOTHING.notifications;
    const isLogin = before?.acctSessionId === undefined;
    return this.#attach(after, isLogin ? { kind: "login" } : { kind: "order" }).notifications;
  }

  /** Carries out an order that was accepted and that the registry has checked. */
  take(accepted: AcceptedTaskOrder): Reach {
    return this.#reach(this.registry.apply(accepted));
  }

  /** Takes a task out; `why`, for the mediation side. */
  remove(id: string, why: string): Reach {
    return this.#reach(this.registry.remove(id), why);
  }

  #reach({ before, after }: TaskChange, why?: string): Reach {
    let [sessions, refused] = [0, 0];
    const task = after ?? before;
    for (const session of task === undefined ? [] : [...this.#candidates(task)]) {
      const attached = this.#attach(session, { kind: "order", ...(why !== undefined && { why }) });
      for (const notification of attached.notifications) this.parts.notify(notification);
      sessions += attached.changed;
      refused += attached.refused;
    }
    return { sessions, refused };
  }

  /** A task keeps its subject, so that these are the sessions that it meant and means. */
  #candidates({ subject }: Task): Iterable<Session> {
    const key = keyOfSubject(subject);
    return key === undefined ? this.parts.store.all() : this.parts.store.anywhere(key);
  }

  /** One intercept at a time: what the datapath refuses of one must not touch the others. */
  #attach(session: Session, reason: Reason): Attached {
    const tasks = this.registry.matching(session);
    if (tasks.length === 0 && session.intercepts.length === 0) return NOTHING;
    const { clock } = this.parts;
    const notifications: LiEvent[] = [];
    const { put, ended } = warrantChanges(session, tasks, clock());
    let current = session;
    let refused = 0;
    const extra = reason.why === undefined ? {} : { terminationReason: reason.why };
    for (const intercept of ended) {
      current = this.#change(current, without(current, intercept.key)) ?? current;
      notifications.push(notifyIntercept("LiServiceDeactivated", session, intercept, clock(), extra));
    }
    for (const intercept of put) {
      const mirrored = this.#change(current, [...without(current, intercept.key), intercept]);
      refused += mirrored === undefined ? 1 : 0;
      current = mirrored ?? this.#fail(current, intercept);
      notifications.push(tellBegin(current, intercept, reason, mirrored !== undefined, clock()));
    }
    return { notifications, changed: put.length + ended.length, refused };
  }

  /** Undefined where the datapath refused it. */
  #change(session: Session, intercepts: readonly SessionIntercept[]): Session | undefined {
    const after = withChanges(session, { intercepts });
    return this.parts.applier.change(session, after) === undefined ? after : undefined;
  }

  /** Kept as refused: it is tried again when there may be room. One that ran before goes on as it ran. */
  #fail(session: Session, intercept: SessionIntercept): Session {
    if (session.intercepts.some(({ key }) => key === intercept.key)) return session;
    return this.#change(session, [...session.intercepts, { ...intercept, failed: true }]) ?? session;
  }
}

function without(session: Session, key: string): SessionIntercept[] {
  return session.intercepts.filter((intercept) => intercept.key !== key);
}

function tellBegin(
  session: Session,
  intercept: SessionIntercept,
  reason: Reason,
  isMirrored: boolean,
  now: number,
): LiEvent {
  const isLogin = reason.kind === "login";
  if (isMirrored)
    return notifyIntercept(isLogin ? "LiSubscriberLoggedIn" : "LiServiceActivated", session, intercept, now);
  const kind = isLogin ? "LiSubscriberLogInFailed" : "LiServiceActivationFailed";
  return notifyIntercept(kind, session, intercept, now, { errorCause: ERROR_CAUSE.resourcesUnavailable });
}
