/** The warrants in force on this node, found by what a session tells of its subscriber. No I/O, no clock of its own. */
import type { Mandate, WarrantMandate } from "../events/li.js";
import type { TriggerType } from "../events/li-event.js";
import { nasToken } from "../events/subjects.js";
import type { LiInstruction } from "../events/types.js";
import { parseHandle } from "../intercepts/handle.js";
import { commonPrefixes } from "../net/prefixes.js";
import { SecurityError } from "../security/errors.js";
import type { AcceptedTaskOrder } from "../security/orders/decide.js";
import type { SubjectKind, WarrantSubject } from "../security/orders/warrant.js";
import { keyOf } from "../sessions/index-keys.js";
import { prefixesOf, type Session } from "../sessions/session.js";

export interface Task {
  readonly id: string;
  readonly serial: number;
  /** Names of the authorities that activated it: one of them has to sign what changes it. */
  readonly owners: readonly string[];
  readonly subject: WarrantSubject;
  readonly li: LiInstruction;
  readonly interceptId: number;
  /** Of an 8-byte handle; each session's own with a handle of 4 bytes. */
  readonly sessionId: number | undefined;
  readonly mandate: Mandate & { readonly warrant: WarrantMandate };
}

/** What an order changed. */
export interface TaskChange {
  readonly before: Task | undefined;
  readonly after: Task | undefined;
}

const TRIGGERS: Readonly<Record<SubjectKind, TriggerType>> = {
  "user-name": "userName",
  "calling-station-id": "callingStationId",
  "nas-port-id": "nasPortId",
  "circuit-id": "circuitId",
  "remote-id": "remoteId",
  address: "address",
  "acct-session-id": "acctSessionId",
};

export class WarrantRegistry {
  readonly #tasks = new Map<string, Task>();
  /** Tasks by index key of their subject; those by address are in a list, since prefixes may lie in one another. */
  readonly #byKey = new Map<string, Set<Task>>();
  readonly #byAddress = new Set<Task>();

  get size(): number {
    return this.#tasks.size;
  }

  get(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  all(): Iterable<Task> {
    return this.#tasks.values();
  }

  /** Throws SecurityError where the order must not change what is there; nothing is changed then. */
  check({ order, by, repeated }: AcceptedTaskOrder): void {
    const known = this.#tasks.get(order.task);
    if (order.action === "activate") {
      if (known === undefined) return;
      throw new SecurityError("superseded", "a task of that name is in force: modify it, or take another name");
    }
    // It was checked against the activation once, which nobody can read any more since keys were changed.
    if (known === undefined && repeated && order.action === "modify") return;
    if (known === undefined) throw new SecurityError("no-such-task", "no task of that name is in force");
    if (!known.owners.some((owner) => by.includes(owner))) {
      throw new SecurityError("not-its-owner", "the task was activated by another authority");
    }
    const { warrant } = order;
    if (warrant !== undefined && !sameSubject(warrant.subject, known.subject)) {
      throw new SecurityError("not-its-owner", "a task keeps its subject: activate another for another subscriber");
    }
  }

  /** Carries out what `check` has let pass. */
  apply(accepted: AcceptedTaskOrder): TaskChange {
    const { order, by } = accepted;
    const before = this.#tasks.get(order.task);
    const after = taskOf(accepted, before?.owners ?? by);
    if (before !== undefined) this.#remove(before);
    if (after !== undefined) this.#add(after);
    return { before, after };
  }

  /** Takes the task out, however it ended. */
  remove(id: string): TaskChange {
    const before = this.#tasks.get(id);
    if (before !== undefined) this.#remove(before);
    return { before, after: undefined };
  }

  /** The tasks whose subject the session is. */
  matching(session: Session): Task[] {
    if (this.#tasks.size === 0) return [];
    const found: Task[] = [];
    for (const key of keysOfSession(session)) {
      for (const task of this.#byKey.get(key) ?? []) if (isOfNas(task, session)) found.push(task);
    }
    for (const task of this.#byAddress) {
      if (isOfNas(task, session) && commonPrefixes(prefixesOf(session), task.subject.value).length > 0)
        found.push(task);
    }
    return found;
  }

  #add(task: Task): void {
    this.#tasks.set(task.id, task);
    const key = keyOfSubject(task.subject);
    if (key === undefined) this.#byAddress.add(task);
    else this.#byKey.set(key, (this.#byKey.get(key) ?? new Set()).add(task));
  }

  #remove(task: Task): void {
    this.#tasks.delete(task.id);
    this.#byAddress.delete(task);
    const key = keyOfSubject(task.subject);
    const tasks = key === undefined ? undefined : this.#byKey.get(key);
    tasks?.delete(task);
    if (key !== undefined && tasks?.size === 0) this.#byKey.delete(key);
  }
}

/** The index key under which the sessions of the subject are found; undefined where none leads to all of them. */
export function keyOfSubject({ by, value }: WarrantSubject): string | undefined {
  switch (by) {
    case "user-name":
      return keyOf.userName(value);
    case "calling-station-id":
      return keyOf.callingStationId(value);
    case "nas-port-id":
      return keyOf.nasPortId(value);
    case "circuit-id":
      return keyOf.circuitId(value);
    case "remote-id":
      return keyOf.remoteId(value);
    case "acct-session-id":
      return keyOf.acctSessionId(value);
    case "address":
      return undefined;
  }
}

function keysOfSession({ attributes, acctSessionId }: Session): string[] {
  const named: [string | undefined, (value: string) => string][] = [
    [attributes["User-Name"], keyOf.userName],
    [attributes["Calling-Station-Id"], keyOf.callingStationId],
    [attributes["NAS-Port-Id"], keyOf.nasPortId],
    [attributes["ADSL-Agent-Circuit-Id"], keyOf.circuitId],
    [attributes["ADSL-Agent-Remote-Id"], keyOf.remoteId],
    [acctSessionId, keyOf.acctSessionId],
  ];
  return named.flatMap(([value, key]) => (value === undefined ? [] : [key(value)]));
}

function isOfNas({ subject }: Task, session: Session): boolean {
  return subject.nas === undefined || nasToken(subject.nas) === nasToken(session.nas);
}

function sameSubject(one: WarrantSubject, other: WarrantSubject): boolean {
  return one.by === other.by && one.value === other.value && one.nas === other.nas;
}

function taskOf({ order, by, validity }: AcceptedTaskOrder, owners: readonly string[]): Task | undefined {
  const { warrant } = order;
  if (warrant === undefined || validity === undefined) return undefined;
  const { li, subject } = warrant;
  const { interceptId, sessionId } = parseHandle(li.handle);
  return {
    id: order.task,
    serial: order.serial,
    owners,
    subject,
    li,
    interceptId,
    sessionId,
    mandate: {
      order: order.id,
      by,
      notAfter: validity.ends,
      warrant: {
        task: order.task,
        trigger: { type: TRIGGERS[subject.by], value: subject.value },
        ...(subject.by === "address" && { within: subject.value }),
      },
    },
  };
}
