/** What a transition means for the datapath: the difference between the intercepts before and after. */
import type { InterceptSpec } from "../intercepts/types.js";
import { type InterceptDefaults, specOf } from "./intercept.js";
import type { Session, Transition } from "./session.js";

export type Effect =
  | { readonly kind: "put"; readonly spec: InterceptSpec }
  | { readonly kind: "remove"; readonly key: string };

const NO_EFFECTS: readonly Effect[] = [];
const NO_SPECS: readonly InterceptSpec[] = [];

export function effectsOf(transition: Transition, defaults: InterceptDefaults): readonly Effect[] {
  const { before, after } = transition;
  if (before === after) return NO_EFFECTS;
  if (!before?.intercepts.length && !after?.intercepts.length) return NO_EFFECTS;
  const running = new Map(specsInForce(before, defaults).map((spec) => [spec.key, spec]));
  const effects: Effect[] = [];
  for (const spec of specsInForce(after, defaults)) {
    const held = running.get(spec.key);
    running.delete(spec.key);
    if (held === undefined || !sameSpec(held, spec)) effects.push({ kind: "put", spec });
  }
  for (const key of running.keys()) effects.push({ kind: "remove", key });
  return effects;
}

/** What the datapath holds of the session where it refused nothing. */
export function specsInForce(session: Session | undefined, defaults: InterceptDefaults): readonly InterceptSpec[] {
  if (session === undefined || session.intercepts.length === 0) return NO_SPECS;
  const specs: InterceptSpec[] = [];
  for (const intercept of session.intercepts) {
    const spec = intercept.failed ? undefined : specOf(session, intercept, defaults);
    if (spec !== undefined) specs.push(spec);
  }
  return specs;
}

/** Specifications are made in one place, so that equal ones are equal texts. */
function sameSpec(one: InterceptSpec, other: InterceptSpec): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
