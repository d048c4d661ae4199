import type { ParsedEvent } from "../../events/parse.js";
import type { InterceptDefaults } from "../intercept.js";

/** An event with its place in the stream: what was applied up to there is not applied again. */
export interface SequencedEvent extends ParsedEvent {
  /** 1 or more. */
  readonly seq: number;
}

export interface RuleContext {
  /** Unix time in milliseconds. */
  readonly now: number;
  /**
   * Milliseconds after which a CoA starts nothing any more: whoever asked has been told long ago that nobody answered.
   * Absent: any age will do.
   */
  readonly maxCoaAgeMs?: number;
  readonly defaults: InterceptDefaults;
}
