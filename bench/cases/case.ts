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
   * Configures the edge, in whose namespace it is called; the function that it returns undoes what would outlive the
   * namespace. Returns "absent" where this machine or this version does not have it.
   */
  setUp(rig: Rig): "absent" | undefined | (() => void);
}

/** Names one rig. */
export function caseKey({ id, entries }: Pick<Case, "id" | "entries">): string {
  return `${id}@${entries}`;
}
