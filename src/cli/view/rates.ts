/** Rates between two looks at the counters. Pure. */
import type { AgentStatus, Counted, ListedCounters, ListedIntercept } from "../../agent/local-api.js";

/** What the agent said at one moment. */
export interface Sample {
  /** Milliseconds of a clock that never steps. */
  readonly at: number;
  readonly status: AgentStatus;
  readonly counters: ListedCounters;
  readonly intercepts: readonly ListedIntercept[];
}

export interface Rate {
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface RatedIntercept extends ListedIntercept {
  /** Both directions. Absent where there is nothing to compare with: it is new. */
  readonly rate?: Rate;
}

/** Between two counts; 0 where the counter began anew. */
export function rateOf(before: Counted, after: Counted, seconds: number): Rate {
  const per = (difference: number): number => (seconds > 0 ? Math.max(0, difference) / seconds : 0);
  return {
    packetsPerSecond: per(after.packets - before.packets),
    bytesPerSecond: per(after.bytes - before.bytes),
  };
}

export function bothWays({ from, to }: { readonly from: Counted; readonly to: Counted }): Counted {
  return { packets: from.packets + to.packets, bytes: from.bytes + to.bytes };
}

/** Those with the highest rate first. */
export function ratedIntercepts(
  before: Pick<Sample, "at" | "intercepts"> | undefined,
  after: Pick<Sample, "at" | "intercepts">,
): RatedIntercept[] {
  const known = new Map(before?.intercepts.map((intercept) => [intercept.key, intercept]));
  const seconds = before === undefined ? 0 : (after.at - before.at) / 1000;
  return after.intercepts
    .map((intercept): RatedIntercept => {
      const earlier = known.get(intercept.key);
      if (earlier === undefined) return intercept;
      return { ...intercept, rate: rateOf(bothWays(earlier), bothWays(intercept), seconds) };
    })
    .toSorted(
      (one, other) =>
        (other.rate?.bytesPerSecond ?? 0) - (one.rate?.bytesPerSecond ?? 0) || one.interceptId - other.interceptId,
    );
}
