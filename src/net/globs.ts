/** Interface name patterns: `*`, `?` and `[...]`, matched against the whole name. */

function toRegExp(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}

/** A predicate for names that fit at least one of `globs`. */
export function globMatcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(toRegExp);
  return (name) => patterns.some((pattern) => pattern.test(name));
}
