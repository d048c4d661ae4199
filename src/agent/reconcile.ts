/** Makes the datapath hold what the sessions say: by difference, so that what is right is never touched. */
import type { Datapath, DatapathError } from "../datapath/port.js";
import type { InterceptSpec } from "../intercepts/types.js";
import { specsInForce } from "../sessions/effects.js";
import type { InterceptDefaults } from "../sessions/intercept.js";
import type { Session } from "../sessions/session.js";

export interface Reconciled {
  readonly removed: number;
  readonly put: number;
  /** Keys that the datapath refused. */
  readonly refused: ReadonlyMap<string, DatapathError>;
}

const BATCH = 10_000;

/** First removes what has ended while nobody looked, then puts what is due. */
export function reconcile(sessions: Iterable<Session>, datapath: Datapath, defaults: InterceptDefaults): Reconciled {
  const due: InterceptSpec[] = [];
  const keys = new Set<string>();
  for (const session of sessions) {
    if (session.intercepts.length === 0) continue;
    for (const spec of specsInForce(withoutFailures(session), defaults).values()) {
      due.push(spec);
      keys.add(spec.key);
    }
  }
  let removed = 0;
  for (const key of datapath.keys()) {
    if (!keys.has(key) && datapath.remove(key)) removed += 1;
  }
  const refused = new Map<string, DatapathError>();
  for (let at = 0; at < due.length; at += BATCH) {
    const batch = due.slice(at, at + BATCH);
    for (const [index, error] of datapath.putMany(batch).entries()) {
      const spec = batch[index];
      if (error !== undefined && spec !== undefined) refused.set(spec.key, error);
    }
  }
  return { removed, put: due.length - refused.size, refused };
}

/** What failed once gets another chance. */
function withoutFailures(session: Session): Session {
  return { ...session, intercepts: session.intercepts.map((intercept) => ({ ...intercept, failed: false })) };
}
