/** What the warrants in force mean for one session. Pure. */
import { createHash } from "node:crypto";
import { withSessionId } from "../sessions/intercept.js";
import type { Session, SessionIntercept } from "../sessions/session.js";
import type { Task } from "./registry.js";

export interface WarrantChanges {
  /** Intercepts that begin, or change since their task was modified. */
  readonly put: readonly SessionIntercept[];
  /** Intercepts whose task is no longer in force, or no longer means this session. */
  readonly ended: readonly SessionIntercept[];
}

const NO_CHANGES: WarrantChanges = { put: [], ended: [] };

/** By what the session's intercepts differ from what `tasks` ask for; `tasks`: those whose subject the session is. */
export function warrantChanges(session: Session, tasks: readonly Task[], now: number): WarrantChanges {
  const held = session.intercepts.filter(({ origin }) => origin === "warrant");
  if (held.length === 0 && tasks.length === 0) return NO_CHANGES;
  const due = new Map(
    tasks.filter(({ mandate }) => mandate.notAfter > now).map((task) => [keyFor(task, session), task] as const),
  );
  const ended = held.filter(({ key }) => !due.has(key));
  const put: SessionIntercept[] = [];
  for (const [key, task] of due) {
    const running = held.find((intercept) => intercept.key === key);
    if (running?.mandate?.order !== task.mandate.order) put.push(interceptOf(task, key, session));
  }
  return { put, ended };
}

function interceptOf(task: Task, key: string, session: Session): SessionIntercept {
  const { li: order, interceptId, sessionId, mandate } = task;
  return withSessionId(
    { key, origin: "warrant", order, interceptId, sessionId, source: "warrant", mandate, failed: false },
    session,
  );
}

/** The same for a task and a session as long as both last, so that a change of the task leaves no gap. */
function keyFor(task: Task, session: Session): string {
  const hash = createHash("sha256");
  for (const part of [task.id, session.nas, session.createdBy]) hash.update(`${part.length}:${part}`);
  return `w-${hash.digest("hex").slice(0, 20)}`;
}
