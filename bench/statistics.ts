/** Medians and spreads. Pure. */

export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Value at `share` (0 to 1) of the sorted values, interpolated. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Median with the middle half of the values (interquartile range). */
export function summarize(values: readonly number[]): Summary {
  return { median: quantile(values, 0.5), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/** Ratios round by round: what disturbed a round disturbed both. `values` and `base` are in the order of the rounds. */
export function pairwiseRatios(values: readonly number[], base: readonly number[]): number[] {
  if (values.length !== base.length) throw new RangeError("Ratios need as many values as there are to divide by.");
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number = Math.random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
