/** From samples to the records of results.json. Pure. */
import type { Case } from "./cases/case.js";
import type { Sample } from "./measure.js";
import { isMix, meanSize, type Point } from "./plan.js";
import { pairwiseRatios, type Summary, summarize } from "./statistics.js";

export type Range = readonly [low: number, high: number];

export interface Result {
  readonly case: string;
  /** Of the frame from its Ethernet header on, without check sequence; of a mix, the mean. */
  readonly packetBytes: number;
  readonly mix: boolean;
  /** 5-tuples; each packet belongs to one at random. */
  readonly flows: number;
  /** Over whom the flows are spread, of those under intercept and of all others each. */
  readonly subscribers: number;
  /** Share of the packets that belongs to subscribers under intercept, 0 to 1. */
  readonly mirroredShare: number;
  /** Intercepts or filters loaded. */
  readonly entries: number;
  readonly forwardedMpps: number;
  readonly mirroredMpps: number;
  /** Forwarded and, where a copy was due, with it; the ratios are of this. */
  readonly handledMpps: number;
  /** To plain forwarding, and to tc mirred into VXLAN, in the same round; null where that was not measured. */
  readonly ratioToForwarding: number | null;
  readonly ratioToMirred: number | null;
  /** Nanoseconds of the core that mirroring adds to a packet that is forwarded; null where nothing is. */
  readonly mirrorNs: number | null;
  /** Of the copies that were due, the share that arrived. */
  readonly copiesArrived: number;
  /** Of the packets that were sent, the share that did not arrive. */
  readonly lost: number;
  /** The middle half of the rounds. */
  readonly spread: {
    readonly handledMpps: Range;
    readonly ratioToForwarding: Range | null;
    readonly ratioToMirred: Range | null;
    readonly rounds: number;
  };
}

export interface Measured {
  readonly case: Case;
  /** In the order of the rounds. */
  readonly samples: readonly Sample[];
}

const handled = (samples: readonly Sample[]): number[] => samples.map(({ handledMpps }) => handledMpps);

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function range({ low, high }: Summary): Range {
  return [rounded(low), rounded(high)];
}

function baselineOf(each: Measured, all: readonly Measured[]): Measured | undefined {
  const id = each.case.counting === "xdp" ? "forwarding-xdp-sinks" : "forwarding";
  return all.find((other) => other.case.id === id);
}

function ratios(each: Measured, base: Measured | undefined): Summary | undefined {
  return base && summarize(pairwiseRatios(handled(each.samples), handled(base.samples)));
}

/** What a packet costs beyond what the same round's plain forwarding costs. */
function mirrorNs(each: Measured, base: Measured | undefined): number | null {
  if (!base || !each.case.forwards || each === base) return null;
  const ns = (sample: Sample | undefined): number => 1000 / (sample?.handledMpps ?? Number.NaN);
  return Math.round(summarize(each.samples.map((sample, round) => ns(sample) - ns(base.samples[round]))).median);
}

/** One record for each case that was measured at `point`. */
export function resultsOf(point: Point, measured: readonly Measured[]): Result[] {
  const mirred = measured.find((each) => each.case.id === "mirred-vxlan");
  return measured.map((each) => {
    const median = (of: (sample: Sample) => number): number => rounded(summarize(each.samples.map(of)).median);
    const forwarding = baselineOf(each, measured);
    const toForwarding = ratios(each, forwarding);
    const toMirred = ratios(each, mirred);
    return {
      case: each.case.id,
      packetBytes: meanSize(point.traffic.sizes),
      mix: isMix(point.traffic.sizes),
      flows: point.traffic.flows,
      subscribers: point.traffic.subscribers,
      mirroredShare: point.traffic.intercepted,
      entries: each.case.entries,
      forwardedMpps: median(({ forwardedMpps }) => forwardedMpps),
      mirroredMpps: median(({ mirroredMpps }) => mirroredMpps),
      handledMpps: median(({ handledMpps }) => handledMpps),
      ratioToForwarding: toForwarding ? rounded(toForwarding.median) : null,
      ratioToMirred: toMirred ? rounded(toMirred.median) : null,
      mirrorNs: mirrorNs(each, forwarding),
      lost: Math.max(
        0,
        median(({ lost }) => lost),
      ),
      copiesArrived: Math.min(
        1,
        median(({ copiesPerDue }) => copiesPerDue),
      ),
      spread: {
        handledMpps: range(summarize(handled(each.samples))),
        ratioToForwarding: toForwarding ? range(toForwarding) : null,
        ratioToMirred: toMirred ? range(toMirred) : null,
        rounds: each.samples.length,
      },
    };
  });
}
