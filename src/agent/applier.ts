/** Carries out what the rules have decided: datapath first, then the record. What the kernel refuses is no record's truth. */
import { type Datapath, DatapathError } from "../datapath/port.js";
import { EventError } from "../events/errors.js";
import type { LiEvent } from "../events/li-event.js";
import { ERROR_CAUSE } from "../events/types.js";
import { decide } from "../sessions/decide.js";
import { type Decision, NOTHING } from "../sessions/decision.js";
import { type Effect, effectsOf } from "../sessions/effects.js";
import type { InterceptDefaults } from "../sessions/intercept.js";
import type { SequencedEvent } from "../sessions/rules/context.js";
import { type Session, type Transition, withChanges } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";

export interface ApplierOptions {
  readonly store: SessionStore;
  readonly datapath: Datapath;
  readonly defaults: InterceptDefaults;
  /** A CoA older than that starts nothing; milliseconds. Absent: any age will do. */
  readonly maxCoaAgeMs?: number;
  /** Milliseconds since some moment; never steps. */
  readonly steadyClock: () => number;
  /** Whether a session that an event would begin ended long ago. Asked while the state is rebuilt. */
  readonly isOver?: (session: Session) => boolean;
  readonly onRefusal: (error: DatapathError) => void;
  readonly onChange: (transition: Transition) => void;
  /** What follows from a transition that took effect; returns what the mediation side is told of it. */
  readonly followUp?: (transition: Transition) => readonly LiEvent[];
}

interface Refusal {
  readonly error: DatapathError;
  readonly at: Transition;
  /** Of the intercept that was refused. */
  readonly key: string;
}

export class Applier {
  /** False while the state is rebuilt: records change, the kernel does not. */
  live = false;

  constructor(private readonly options: ApplierOptions) {}

  /**
   * Decides about the event and carries that out. Returns the decision that took effect: where the datapath refuses
   * what the event asks for, everything is as if it had not asked, and the outcome says so.
   */
  apply(event: SequencedEvent, now: number): Decision {
    const { store, defaults, maxCoaAgeMs = Infinity } = this.options;
    const context = { now, defaults, maxCoaAgeMs };
    const decision = decide(store, event, context);
    if (!this.live && this.#bringsBack(decision)) return NOTHING;
    const refusal = this.#program(decision.transitions);
    if (refusal === undefined) return this.#settle(decision);
    this.options.onRefusal(refusal.error);
    if (event.li.kind !== "plain") return this.#settle(this.#failed(decision, refusal));
    const problem = new EventError(refusal.error.field ?? "li", refusal.error.message, errorCauseOf(refusal.error));
    const without = decide(store, { ...event, li: { kind: "refused", problem } }, context);
    const again = this.#program(without.transitions);
    return this.#settle(again === undefined ? without : this.#failed(without, again));
  }

  /** Carries out a change that no event of the stream asked for. Returns why the datapath refused it; nothing is changed then. */
  change(before: Session, after: Session): DatapathError | undefined {
    const transition: Transition = { before, after };
    const refusal = this.#program([transition]);
    if (refusal !== undefined) this.options.onRefusal(refusal.error);
    // Nothing was heard of the session by that.
    else this.#commit({ transitions: [transition], notifications: [] }, this.#lastSeen(before));
    return refusal?.error;
  }

  /** Ends a session that no event ends. `seq`: up to which events were looked at. */
  end(session: Session, seq: number): void {
    const transition: Transition = { before: session, seq: Math.max(seq, session.seq), isUnsaid: true };
    this.#program([transition]);
    this.#settle({ transitions: [transition], notifications: [] });
  }

  /** Tries again what the datapath refused of a session. Returns why it was refused once more. */
  retry(session: Session): DatapathError | undefined {
    const intercepts = session.intercepts.map((intercept) => ({
      ...intercept,
      failed: intercept.sessionId === undefined,
    }));
    const transition: Transition = { before: session, after: withChanges(session, { intercepts }) };
    const refusal = this.#program([transition]);
    if (refusal === undefined) this.#commit({ transitions: [transition], notifications: [] }, this.#lastSeen(session));
    return refusal?.error;
  }

  /** Programs the datapath, or, at the first refusal, leaves it as it was. */
  #program(transitions: readonly Transition[]): Refusal | undefined {
    if (!this.live) return undefined;
    let done = 0;
    for (const transition of transitions) {
      const refused = this.#carryOut(transition);
      if (refused === undefined) {
        done += 1;
        continue;
      }
      // In reverse: what was taken from one session must be free before it is given back.
      for (const earlier of transitions.slice(0, done).toReversed()) this.#undo(earlier);
      return { ...refused, at: transition };
    }
    return undefined;
  }

  /** Without an instruction of its own the event stands: the intercept that the kernel refused is kept as failed. */
  #failed(decision: Decision, { at, key: refused }: Pick<Refusal, "at" | "key">): Decision {
    const transitions = decision.transitions.map((transition) => {
      if (transition !== at || transition.after === undefined) return transition;
      const intercepts = transition.after.intercepts.map((intercept) =>
        intercept.key === refused ? { ...intercept, failed: true } : intercept,
      );
      return { ...transition, after: withChanges(transition.after, { intercepts }) };
    });
    const again = this.#program(transitions);
    return again === undefined ? { ...decision, transitions } : this.#failed({ ...decision, transitions }, again);
  }

  #bringsBack({ transitions }: Decision): boolean {
    const { isOver } = this.options;
    return (
      isOver !== undefined &&
      transitions.some(({ before, after }) => before === undefined && after !== undefined && isOver(after))
    );
  }

  #lastSeen(session: Session): number {
    return this.options.store.lastSeen(session) * 1000;
  }

  #settle(decision: Decision): Decision {
    this.#commit(decision, this.options.steadyClock());
    const { followUp } = this.options;
    if (followUp === undefined) return decision;
    let settled = decision;
    for (const transition of decision.transitions) {
      const further = followUp(transition);
      if (further.length > 0) settled = { ...settled, notifications: [...settled.notifications, ...further] };
    }
    return settled;
  }

  #commit(decision: Decision, time: number): Decision {
    for (const transition of decision.transitions) {
      this.options.store.commit(transition, time);
      if (transition.before !== transition.after) this.options.onChange(transition);
    }
    return decision;
  }

  #carryOut(transition: Transition): Pick<Refusal, "error" | "key"> | undefined {
    let done = 0;
    for (const effect of effectsOf(transition, this.options.defaults)) {
      try {
        this.#one(effect);
        done += 1;
      } catch (error) {
        if (!(error instanceof DatapathError)) throw error;
        if (done > 0) this.#undo(transition);
        return { error, key: effect.kind === "put" ? effect.spec.key : effect.key };
      }
    }
    return undefined;
  }

  /** Back to what was before; the kernel held it a moment ago, so that a refusal here is only counted. */
  #undo(transition: Transition): void {
    const { before, after } = transition;
    const reverse: Transition = {
      ...(after !== undefined && { before: after }),
      ...(before !== undefined && { after: before }),
    };
    for (const effect of effectsOf(reverse, this.options.defaults)) {
      try {
        this.#one(effect);
      } catch (error) {
        if (!(error instanceof DatapathError)) throw error;
        this.options.onRefusal(error);
      }
    }
  }

  #one(effect: Effect): void {
    if (effect.kind === "put") this.options.datapath.put(effect.spec);
    else this.options.datapath.remove(effect.key);
  }
}

function errorCauseOf(error: DatapathError) {
  return error.code === "invalid" ? ERROR_CAUSE.invalidRequest : ERROR_CAUSE.resourcesUnavailable;
}
