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

/** Few enough that their specifications are gone before the garbage collector would keep them. */
const BATCH = 4096;

/** First removes what has ended while nobody looked, then puts what is due. `sessions` is gone through twice. */
export function reconcile(
  sessions: () => Iterable<Session>,
  datapath: Datapath,
  defaults: InterceptDefaults,
): Reconciled {
  const removed = removeOthers(sessions(), datapath, defaults);
  const refused = new Map<string, DatapathError>();
  let put = 0;
  let batch: InterceptSpec[] = [];
  const putBatch = (): void => {
    for (const [index, error] of datapath.putMany(batch).entries()) {
      if (error === undefined) put += 1;
      else refused.set((batch[index] as InterceptSpec).key, error);
    }
    batch = [];
  };
  for (const spec of specsDue(sessions(), defaults)) {
    batch.push(spec);
    if (batch.length === BATCH) putBatch();
  }
  putBatch();
  return { removed, put, refused };
}

function removeOthers(sessions: Iterable<Session>, datapath: Datapath, defaults: InterceptDefaults): number {
  const others = new Set(datapath.keys());
  if (others.size === 0) return 0;
  for (const { key } of specsDue(sessions, defaults)) others.delete(key);
  let removed = 0;
  for (const key of others) if (datapath.remove(key)) removed += 1;
  return removed;
}

function* specsDue(sessions: Iterable<Session>, defaults: InterceptDefaults): Generator<InterceptSpec> {
  for (const session of sessions) {
    if (session.intercepts.length === 0) continue;
    for (const spec of specsInForce(withoutFailures(session), defaults)) yield spec;
  }
}

/** What failed once gets another chance. */
function withoutFailures(session: Session): Session {
  if (!session.intercepts.some(({ failed }) => failed)) return session;
  return { ...session, intercepts: session.intercepts.map((intercept) => ({ ...intercept, failed: false })) };
}
