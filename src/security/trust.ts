/** What an agent believes: which events, which instructions in them, and what has to be on record before anything is done. */
import { EventError } from "../events/errors.js";
import type { EventLi } from "../events/li.js";
import { timesOf } from "../events/li-terms.js";
import { type ParsedEvent, parseEvent } from "../events/parse.js";
import { ERROR_CAUSE } from "../events/types.js";
import { type AuditRecord, NO_AUDIT } from "./audit/recorder.js";
import { type RefusalReason, SecurityError } from "./errors.js";
import type { AcceptedTaskOrder } from "./orders/decide.js";
import { parseOrder } from "./orders/payload.js";

/** A message of the stream of events, as far as trust looks at it. */
export interface EventSource {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Stream sequence. */
  readonly seq: number;
}

export interface AgentTrust {
  /**
   * The event in the message, with its instruction decided upon. Throws EventError; and MissingDataKeyError where the key
   * may be on its way, unless this is the last try.
   */
  read(message: EventSource, isLastTry: boolean): ParsedEvent;
  /** The order in a message of the stream of tasks. Throws SecurityError; nothing is on record yet, whatever it says. */
  readTask(message: EventSource): AcceptedTaskOrder;
  /** Remembers an order of `readTask` and puts it on record; on the disk with the next `commit`. */
  acceptTask(message: EventSource, accepted: AcceptedTaskOrder): void;
  refuseTask(message: EventSource, reason: RefusalReason): void;
  /** The highest serial that was ever accepted of the task. */
  serialOf(task: string): number;
  /** Looks for a data key that was missing. */
  fetchKey(key: string): Promise<unknown>;
  /** Puts what `read` decided on the disk. False where that fails, and nothing may start for it. */
  commit(): boolean;
  /** True where the intercept of that key was ended: whoever brings it back has an old record. */
  hasEnded(key: string): boolean;
  /** Remembers that the intercept of that key was ended. `until`: Unix time in milliseconds. */
  ended(key: string, until: number): void;
  readonly audit: AuditRecord;
}

/** Lab mode: plain instructions are taken as they come. `maxDurationMs`: every intercept ends all the same. */
export function labTrust(maxDurationMs: number, audit: AuditRecord = NO_AUDIT): AgentTrust {
  return {
    read: ({ data, subject }) => {
      const event = parseEvent(data, subject);
      if (event.li.kind === "none") return event;
      return { ...event, li: labInstruction(event.li, event.time + maxDurationMs) };
    },
    readTask: ({ data }) => labTask(data, maxDurationMs),
    acceptTask: () => undefined,
    refuseTask: () => undefined,
    serialOf: () => 0,
    fetchKey: () => Promise.resolve(),
    commit: () => audit.commit(),
    hasEnded: () => false,
    ended: () => undefined,
    audit,
  };
}

function labInstruction(li: EventLi, notAfter: number): EventLi {
  if (li.kind === "plain") return { ...li, mandate: { notAfter } };
  if (li.kind !== "sealed") return li;
  const message = "sealed instructions cannot be opened in security.mode lab";
  return { kind: "refused", problem: new EventError("li", message, ERROR_CAUSE.administrativelyProhibited) };
}

/** The payload of an order, as it stands: neither sealed nor signed. */
function labTask(data: Uint8Array, maxDurationMs: number): AcceptedTaskOrder {
  const order = parseOrder(data);
  if (order.kind !== "task") throw new SecurityError("wrong-kind", "an order of a task is expected");
  const accepted = { order, by: ["lab"], repeated: false };
  if (order.warrant === undefined) return accepted;
  const { notBefore: begins = order.notBefore, notAfter: ends = begins + maxDurationMs } = timesOf(order.warrant.li);
  return { ...accepted, validity: { begins, ends: Math.min(ends, begins + maxDurationMs) } };
}
