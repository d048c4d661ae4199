/** One case of the control plane, measured. Pure. */
import { quantile } from "../statistics.js";

export interface ControlRecord {
  readonly case: string;
  /** Sessions, intercepts, events or requests that were there. */
  readonly n: number;
  /** The median. */
  readonly value: number;
  readonly unit: "s" | "ms" | "us" | "MiB" | "events/s";
  readonly p50: number;
  /** Of few samples: the worst. */
  readonly p99: number;
  /** Load average of the last minute when it was measured: above the number of cores, others were waited for. */
  readonly load?: number;
  /** Sorted, where they are a distribution to draw. */
  readonly samples?: readonly number[];
}

/** What is worst lies at the top, or, of what should be high, at the bottom. */
export function record(
  name: string,
  n: number,
  unit: ControlRecord["unit"],
  samples: readonly number[],
  keepSamples = false,
): ControlRecord {
  const worst = unit === "events/s" ? 0.01 : 0.99;
  const place = samples.length < 100 ? Math.round(worst) : worst;
  const [p50, p99] = [rounded(quantile(samples, 0.5)), rounded(quantile(samples, place))];
  const sorted = samples.map(rounded).toSorted((one, other) => one - other);
  return { case: name, n, value: p50, unit, p50, p99, ...(keepSamples && { samples: sorted }) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
