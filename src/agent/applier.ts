/** Carries out what the rules have decided: datapath first, then the record. What the kernel refuses is no record's truth. */
import { type Datapath, DatapathError } from "../datapath/port.js";
import { EventError } from "../events/errors.js";
import { ERROR_CAUSE } from "../events/types.js";
import { decide } from "../sessions/decide.js";
import type { Decision } from "../sessions/decision.js";
import { type Effect, effectsOf } from "../sessions/effects.js";
import type { InterceptDefaults } from "../sessions/intercept.js";
import type { SequencedEvent } from "../sessions/rules/context.js";
import { type Session, type Transition, withChanges } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";

export interface ApplierOptions {
  readonly store: SessionStore;
  readonly datapath: Datapath;
  readonly defaults: InterceptDefaults;
  readonly onRefusal: (error: DatapathError) => void;
  readonly onChange: (transition: Transition) => void;
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
    const { store, defaults } = this.options;
    const decision = decide(store, event, { now, defaults });
    const refusal = this.#program(decision.transitions);
    if (refusal === undefined) return this.#commit(decision, event.time);
    this.options.onRefusal(refusal.error);
    if (event.li.kind !== "plain") return this.#commit(this.#failed(decision, refusal.at), event.time);
    const problem = new EventError(refusal.error.field ?? "li", refusal.error.message, errorCauseOf(refusal.error));
    const without = decide(store, { ...event, li: { kind: "refused", problem } }, { now, defaults });
    const again = this.#program(without.transitions);
    return this.#commit(again === undefined ? without : this.#failed(without, again.at), event.time);
  }

  /** Tries again what the datapath refused of a session. Returns why it was refused once more. */
  retry(session: Session, now: number): DatapathError | undefined {
    const intercepts = session.intercepts.map((intercept) => ({
      ...intercept,
      failed: intercept.sessionId === undefined,
    }));
    const transition: Transition = { before: session, after: withChanges(session, { intercepts }) };
    const refusal = this.#program([transition]);
    if (refusal === undefined) this.#commit({ transitions: [transition], notifications: [] }, now);
    return refusal?.error;
  }

  /** Programs the datapath, or, at the first refusal, leaves it as it was. */
  #program(transitions: readonly Transition[]): { error: DatapathError; at: Transition } | undefined {
    if (!this.live) return undefined;
    for (const [index, transition] of transitions.entries()) {
      const error = this.#carryOut(transition);
      if (error === undefined) continue;
      // In reverse: what was taken from one session must be free before it is given back.
      for (const done of transitions.slice(0, index).toReversed()) this.#undo(done);
      return { error, at: transition };
    }
    return undefined;
  }

  /** Without an instruction of its own the event stands: the intercept that the kernel refused is kept as failed. */
  #failed(decision: Decision, at: Transition): Decision {
    const transitions = decision.transitions.map((transition) => {
      if (transition !== at || transition.after === undefined) return transition;
      const intercepts = transition.after.intercepts.map((intercept) => ({ ...intercept, failed: true }));
      return { ...transition, after: withChanges(transition.after, { intercepts }) };
    });
    const again = this.#program(transitions);
    return again === undefined ? { ...decision, transitions } : this.#failed({ ...decision, transitions }, again.at);
  }

  #commit(decision: Decision, time: number): Decision {
    for (const transition of decision.transitions) {
      this.options.store.commit(transition, time);
      if (transition.before !== transition.after) this.options.onChange(transition);
    }
    return decision;
  }

  #carryOut(transition: Transition): DatapathError | undefined {
    const done: Effect[] = [];
    for (const effect of effectsOf(transition, this.options.defaults)) {
      try {
        this.#one(effect);
        done.push(effect);
      } catch (error) {
        if (!(error instanceof DatapathError)) throw error;
        if (done.length > 0) this.#undo(transition);
        return error;
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
