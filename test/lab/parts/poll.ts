import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "./errors.js";

export interface PollOptions {
  /** Names what is waited for, in the error's words: "waited 5000 ms for WHAT". */
  readonly what: string;
  readonly deadlineMs?: number;
  readonly everyMs?: number;
  /** Asked when the deadline has passed; what it says goes into the error. */
  readonly explain?: () => string;
}

/** Asks until the answer is neither undefined nor false, and returns it. Throws LabError at the deadline. */
export async function until<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { what, deadlineMs = 30_000, everyMs = 20, explain }: PollOptions,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() >= deadline) {
      throw new LabError(`waited ${deadlineMs} ms for ${what}${explain === undefined ? "" : `: ${explain()}`}`);
    }
    await sleep(everyMs);
  }
}
