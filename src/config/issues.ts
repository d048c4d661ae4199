/** What zod found, said in the terms of the file. */
import type { z } from "zod";
import { didYouMean } from "./did-you-mean.js";

export interface SchemaProblem {
  readonly path: readonly PropertyKey[];
  /** True where `path` names a key that should not be there. */
  readonly atKey: boolean;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** One problem an issue, but one for each unknown key. `knownKeys` gives the keys that the schema has at a path. */
export function describeIssue(
  issue: Issue,
  knownKeys: (path: readonly PropertyKey[]) => readonly string[],
): SchemaProblem[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, atKey: false, message: sentence(issue) }];
  const known = knownKeys(issue.path);
  return issue.keys.map((key) => {
    const near = didYouMean(key, known);
    const all = known.length === 0 ? "no keys are expected here" : `expected one of: ${known.join(", ")}`;
    const hint = near === undefined ? all : `did you mean ${near}?`;
    return { path: [...issue.path, key], atKey: true, message: `unknown key; ${hint}` };
  });
}

function sentence(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `is missing; expected ${issue.expected}`
        : `expected ${expectation(issue.expected)}`;
    case "invalid_value":
      return `expected ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "too_small":
      return `expected ${measure(issue.origin)}of at least ${issue.minimum}${issue.inclusive === false ? " (exclusive)" : ""}`;
    case "too_big":
      return `expected ${measure(issue.origin)}of at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function expectation(expected: string): string {
  return expected === "int" ? "a whole number" : /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function measure(origin: string): string {
  if (origin === "string") return "a length ";
  if (origin === "array") return "a number of entries ";
  return "a value ";
}
