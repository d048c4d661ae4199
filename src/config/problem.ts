/** A mistake in the configuration file: where, and what was expected there. */
export interface ConfigProblem {
  /** Counted from 1; absent where the mistake has no place in the file. */
  readonly line?: number;
  readonly column?: number;
  /** E.g. `interfaces.access[0]`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Every mistake of the file at once. The message has a line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super(problems.map((problem) => formatProblem(file, problem)).join("\n"));
  }
}

function formatProblem(file: string, problem: ConfigProblem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : `${at > 0 ? "." : ""}${String(part)}`))
    .join("");
}
