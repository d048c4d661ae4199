/** What the doctor says of one thing. */
export type FindingState = "ok" | "warning" | "failure";

export interface Finding {
  /** What was looked at, in one or two words; stable, for programs that read `--json`. */
  readonly about: string;
  readonly state: FindingState;
  /** One sentence: what was found. */
  readonly found: string;
  /** What to do; where nothing needs to be done, absent. */
  readonly remedy?: string;
}

export function ok(about: string, found: string): Finding {
  return { about, state: "ok", found };
}

export function warning(about: string, found: string, remedy: string): Finding {
  return { about, state: "warning", found, remedy };
}

export function failure(about: string, found: string, remedy: string): Finding {
  return { about, state: "failure", found, remedy };
}

/** A sentence of ours has its remedy behind the last colon or semicolon that is followed by a blank. */
export function fromSentence(state: "warning" | "failure", about: string, sentence: string): Finding {
  const at = Math.max(sentence.lastIndexOf(": "), sentence.lastIndexOf("; "));
  if (at < 0) return { about, state, found: sentence };
  return { about, state, found: sentence.slice(0, at), remedy: sentence.slice(at + 2) };
}
