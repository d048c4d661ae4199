/**
 * Interleaved measuring: each round measures every point, and at each point every case, in random order, so that what
 * is compared is measured within seconds of each other.
 */
import type { Case } from "./cases/case.js";
import type { Meter, Sample } from "./measure.js";
import type { Point } from "./plan.js";
import type { Progress } from "./progress.js";
import type { Measured } from "./results.js";
import type { Rig } from "./rig.js";
import { shuffled } from "./statistics.js";

export interface Prepared {
  readonly point: Point;
  readonly cases: readonly { readonly case: Case; readonly rig: Rig }[];
}

export interface MeasuredPoint {
  readonly point: Point;
  readonly measured: readonly Measured[];
}

/** More copies than this for one that was due, and the case mirrors twice. */
const TOO_MANY = 1.5;
/** Frames at the sinks that are neither original nor copy: then something else is measured than what was meant. */
const MOST_OTHERS = 1000;

function check(wanted: Case, sample: Sample): Sample {
  if (sample.copiesPerDue > TOO_MANY)
    throw new Error(`${wanted.title}: ${sample.copiesPerDue} copies arrived for one.`);
  if (wanted.mirrors && sample.copiesPerDue === 0) throw new Error(`${wanted.title}: no copy arrived.`);
  if (!wanted.mirrors && sample.mirroredMpps > 0)
    throw new Error(`${wanted.title}: copies arrived, and none were due.`);
  if (sample.others > MOST_OTHERS)
    throw new Error(`${wanted.title}: ${sample.others} frames arrived that are neither.`);
  return sample;
}

export async function runRounds(
  prepared: readonly Prepared[],
  rounds: number,
  meter: Meter,
  progress: Progress,
): Promise<MeasuredPoint[]> {
  const samples = new Map(prepared.flatMap(({ cases }) => cases).map((each) => [each, [] as Sample[]]));
  let done = 0;
  for (let round = 1; round <= rounds; round++) {
    for (const { point, cases } of shuffled(prepared)) {
      for (const each of shuffled(cases)) {
        progress.show(done++, `round ${round} of ${rounds}`);
        samples.get(each)?.push(check(each.case, meter.measure(each.rig, point.traffic, each.case)));
        // Lets signals in.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  progress.end();
  return prepared.map(({ point, cases }) => ({
    point,
    measured: cases.map((each) => ({ case: each.case, samples: samples.get(each) ?? [] })),
  }));
}
