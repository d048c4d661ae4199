/** All sessions of this node, in memory: found by what an event may name, changed by transitions only. */
import { HashIndex, NONE } from "./hash-index.js";
import { eachKey, indexKeys, KEY_BEGINNING, keyOf } from "./index-keys.js";
import { isPending, type Session, type Transition } from "./session.js";

/** What rules may ask of the sessions. */
export interface SessionReader {
  find(nas: string, acctSessionId: string): Session | undefined;
  /** Sessions of the NAS under a key of index-keys.ts, that added or changed last first. */
  under(nas: string, key: string): Iterable<Session>;
  ofNas(nas: string): Iterable<Session>;
  /** Whether the session has ended lately, for whatever reason. */
  hasEnded(nas: string, acctSessionId: string): boolean;
  /** Whether the NAS has said lately that it ended: nothing more comes of it. */
  hasStopped(nas: string, acctSessionId: string): boolean;
  /** How many sessions wait for their first accounting. */
  readonly pending: number;
}

/** Minutes of logouts on a large node: what a NAS repeats comes within that. */
const MAX_ENDED = 50_000;

/** Name, line, two or three prefixes, Acct-Session-Id. */
const USUAL_KEYS = 7;

export class SessionStore implements SessionReader {
  readonly #sessions: (Session | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #index = new HashIndex();
  #lastSeen = new Uint32Array(1024);
  /** Where a session was found last: whoever looks for one mostly changes it then. */
  #foundIn = 0;
  /** Sessions that ended lately, by NAS and Acct-Session-Id, the oldest first: whether the NAS has said so itself. */
  readonly #ended = new Map<string, boolean>();
  #size = 0;
  #pending = 0;

  /** About that many sessions more are about to begin. */
  expect(sessions: number): void {
    this.#index.reserve(sessions, sessions * USUAL_KEYS);
  }

  get pending(): number {
    return this.#pending;
  }

  get size(): number {
    return this.#size;
  }

  find(nas: string, acctSessionId: string): Session | undefined {
    const index = this.#index;
    let entry = index.first(KEY_BEGINNING.acctSessionId, acctSessionId);
    for (; entry !== NONE; entry = index.next(entry)) {
      const slot = index.slotOf(entry);
      const session = this.#sessions[slot];
      if (session?.acctSessionId !== acctSessionId || session.nas !== nas) continue;
      this.#foundIn = slot;
      return session;
    }
    return undefined;
  }

  hasEnded(nas: string, acctSessionId: string): boolean {
    return this.#ended.has(endedKey(nas, acctSessionId));
  }

  hasStopped(nas: string, acctSessionId: string): boolean {
    return this.#ended.get(endedKey(nas, acctSessionId)) === true;
  }

  *under(nas: string, key: string): Generator<Session> {
    for (const slot of this.#index.slots(key)) {
      const session = this.#sessions[slot];
      if (session !== undefined && session.nas === nas && indexKeys(session).includes(key)) yield session;
    }
  }

  /** Sessions of any NAS under a key of index-keys.ts. */
  *anywhere(key: string): Generator<Session> {
    for (const slot of this.#index.slots(key)) {
      const session = this.#sessions[slot];
      if (session !== undefined && indexKeys(session).includes(key)) yield session;
    }
  }

  *ofNas(nas: string): Generator<Session> {
    for (const session of this.#sessions) if (session?.nas === nas) yield session;
  }

  *all(): Generator<Session> {
    for (const session of this.#sessions) if (session !== undefined) yield session;
  }

  /** How many slots there are; each holds a session, or none. */
  get slots(): number {
    return this.#sessions.length;
  }

  /** Sessions in `count` slots from the given one on. */
  *inSlots(from: number, count: number): Generator<Session> {
    const end = Math.min(from + count, this.#sessions.length);
    for (let slot = from; slot < end; slot++) {
      const session = this.#sessions[slot];
      if (session !== undefined) yield session;
    }
  }

  /** When an event last spoke of the session: seconds of a clock that nobody steps. */
  lastSeen(session: Session): number {
    return this.#lastSeen[this.#slotOf(session)] ?? 0;
  }

  /** Applies a transition whose `before` is the record that is stored now. `time`: milliseconds of a clock that nobody steps. */
  commit(transition: Transition, time: number): void {
    const { before, after } = transition;
    this.#pending += waits(after) - waits(before);
    if (before === undefined) {
      if (after !== undefined) this.#begin(after, time);
      return;
    }
    const slot = this.#slotOf(before);
    if (after === undefined) {
      this.#end(slot);
      this.#remember(before, transition.isFinal === true);
    } else this.#replace(slot, before, after, time);
  }

  #begin(session: Session, time: number): void {
    if (this.#ended.size > 0) this.#ended.delete(endedKey(session.nas, session.acctSessionId ?? ""));
    const slot = this.#free.pop() ?? this.#sessions.length;
    this.#size += 1;
    this.#sessions[slot] = session;
    this.#seen(slot, time);
    this.#addKeys(slot, session);
  }

  #addKeys(slot: number, session: Session): void {
    eachKey(session, (beginning, value) => this.#index.stage(beginning, value));
    this.#index.addStaged(slot);
  }

  #remember({ nas, acctSessionId }: Session, isFinal: boolean): void {
    if (acctSessionId === undefined) return;
    this.#ended.set(endedKey(nas, acctSessionId), isFinal);
    if (this.#ended.size <= MAX_ENDED) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  #end(slot: number): void {
    this.#sessions[slot] = undefined;
    this.#index.removeSlot(slot);
    this.#free.push(slot);
    this.#size -= 1;
  }

  #replace(slot: number, before: Session, after: Session, time: number): void {
    this.#seen(slot, time);
    if (before === after) return;
    this.#sessions[slot] = after;
    if (before.attributes === after.attributes && before.acctSessionId === after.acctSessionId) return;
    this.#index.removeSlot(slot);
    this.#addKeys(slot, after);
  }

  #slotOf(session: Session): number {
    if (this.#sessions[this.#foundIn] === session) return this.#foundIn;
    const { acctSessionId } = session;
    const key = acctSessionId === undefined ? indexKeys(session)[0] : keyOf.acctSessionId(acctSessionId);
    if (key !== undefined) {
      for (const slot of this.#index.slots(key)) if (this.#sessions[slot] === session) return slot;
    }
    const slot = this.#sessions.indexOf(session);
    if (slot < 0) throw new Error("the session is not, or no longer, in the store");
    return slot;
  }

  #seen(slot: number, time: number): void {
    if (slot >= this.#lastSeen.length) {
      const larger = new Uint32Array(Math.ceil(slot * 1.5) + 1);
      larger.set(this.#lastSeen);
      this.#lastSeen = larger;
    }
    this.#lastSeen[slot] = Math.floor(time / 1000);
  }
}

function endedKey(nas: string, acctSessionId: string): string {
  return `${nas} ${acctSessionId}`;
}

function waits(session: Session | undefined): number {
  return session !== undefined && isPending(session) ? 1 : 0;
}
