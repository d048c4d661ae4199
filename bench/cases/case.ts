/** What is measured: a way to mirror, or not to. */
import type { Counted, Rig } from "../rig.js";

export interface Case extends Counted {
  /** As in results.json; several cases differ only in their entries. */
  readonly id: string;
  readonly title: string;
  /** Intercepts or filters loaded. */
  readonly entries: number;
  /** False for a node that is fed by a tap. */
  readonly forwards: boolean;
  readonly mirrors: boolean;
  /**
   * Configures the edge, in whose namespace it is called; behind an `await` it is elsewhere. Gives what undoes that
   * which would outlive the namespace, or "absent" where this machine does not have it.
   */
  setUp(rig: Rig): Promise<"absent" | (() => void)> | undefined | (() => void);
}

/** Names one rig. */
export function caseKey({ id, entries }: Pick<Case, "id" | "entries">): string {
  return `${id}@${entries}`;
}
