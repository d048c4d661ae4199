/** Interface name patterns: `*`, `?`, `[...]` and `[!...]`, matched against the whole name. */

/** One sentence with the pattern in it. */
export class GlobError extends Error {
  override readonly name = "GlobError";
}

/** A set in brackets, which may begin with `]`; then each of the characters that mean something elsewhere. */
const PARTS = /\[(!?)(\]?[^\]]*)\]|[*?]|[^]/g;

function part(all: string, negated: string | undefined, set: string | undefined): string {
  if (set !== undefined && set !== "") return `[${negated ? "^" : ""}${set.replaceAll(/[\\\]^[]/g, "\\$&")}]`;
  if (all === "*") return ".*";
  if (all === "?") return ".";
  if (all.startsWith("[")) throw new SyntaxError("a set that is empty or has no end");
  return all.replace(/[.+^${}()|\\\]]/, "\\$&");
}

function toRegExp(glob: string): RegExp {
  try {
    return new RegExp(`^${glob.replaceAll(PARTS, part)}$`, "s");
  } catch (error) {
    throw new GlobError(`The interface pattern "${glob}" has a set in brackets that cannot be read.`, { cause: error });
  }
}

/** A predicate for names that fit at least one of `globs`. Throws GlobError. */
export function globMatcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(toRegExp);
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/** Whether a name of the configuration is a pattern. */
export function isGlob(name: string): boolean {
  return /[*?[]/.test(name);
}
