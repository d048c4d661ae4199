/** Whether an intercept that is put again is the one that runs: then nothing of it is touched. Pure. */
import { Intercept } from "./layout.gen.js";
import type { MatchKey } from "./matches.js";

/** Times that differ by less are the same: they were computed from the wall clock, at different moments. */
const SAME_TIME_NS = 1_000_000_000n;

function sameTime(a: bigint, b: bigint): boolean {
  return a > b ? a - b < SAME_TIME_NS : b - a < SAME_TIME_NS;
}

export function sameIntercept(a: Intercept, b: Intercept): boolean {
  const fixed = { not_before_ns: 0n, not_after_ns: 0n };
  return (
    sameTime(a.not_before_ns, b.not_before_ns) &&
    sameTime(a.not_after_ns, b.not_after_ns) &&
    Intercept.encode({ ...a, ...fixed }).equals(Intercept.encode({ ...b, ...fixed }))
  );
}

/** In whatever order. */
export function sameMatches(a: readonly MatchKey[], b: readonly MatchKey[]): boolean {
  const keys = new Set(a);
  return keys.size === new Set(b).size && b.every((key) => keys.has(key));
}
