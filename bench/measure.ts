/** One measurement: one case, one traffic, a fraction of a second. */
import type { CoreClock } from "./core-time.js";
import type { Generator, TrafficSpec } from "./generator.js";
import type { Arrived, Rig } from "./rig.js";

export interface Sample {
  /** Million originals a second that arrived where they were going. */
  readonly forwardedMpps: number;
  /** Million copies a second that arrived at the mediation device. */
  readonly mirroredMpps: number;
  /**
   * Million packets a second that were dealt with: forwarded, and where a copy was due, with it. So a mirror that
   * loses copies is no faster for it.
   */
  readonly handledMpps: number;
  /** Of what was sent, the share that arrived neither as an original nor, where nothing is forwarded, as a copy. */
  readonly lost: number;
  /** Copies that arrived for each that was due; 1 where none was. */
  readonly copiesPerDue: number;
  /** Frames at the sinks that were neither. */
  readonly others: number;
  /** Share of the time on the clock in which the core did something else. */
  readonly takenAway: number;
}

export interface Timing {
  /** Of core time. */
  readonly durationMs: number;
  readonly warmUpPackets: number;
}

interface Counts {
  readonly originals: Arrived;
  readonly copies: Arrived;
}

function counts(rig: Rig): Counts {
  return { originals: rig.arrived("originals"), copies: rig.arrived("copies") };
}

interface Interval {
  readonly sent: number;
  readonly coreMs: number;
  readonly wallMs: number;
  readonly before: Counts;
  readonly after: Counts;
}

export interface Expected {
  /** False where originals are not to arrive anywhere, as with a tap. */
  readonly forwards: boolean;
  readonly mirrors: boolean;
}

export function toSample({ sent, coreMs, wallMs, before, after }: Interval, expected: Expected): Sample {
  const { forwards, mirrors } = expected;
  const originals = after.originals.packets - before.originals.packets;
  const copies = after.copies.packets - before.copies.packets;
  const due = !mirrors ? 0 : forwards ? after.originals.intercepted - before.originals.intercepted : sent;
  const copiesPerDue = due === 0 ? 1 : copies / due;
  const perSecond = (packets: number): number => packets / coreMs / 1e3;
  return {
    forwardedMpps: perSecond(originals),
    mirroredMpps: perSecond(copies),
    handledMpps: perSecond(forwards ? originals * Math.min(1, copiesPerDue) : copies),
    lost: 1 - (forwards ? originals : copies) / sent,
    copiesPerDue,
    others: after.originals.others - before.originals.others + after.copies.others - before.copies.others,
    takenAway: Math.max(0, 1 - coreMs / wallMs),
  };
}

export class Meter {
  constructor(
    private readonly generator: Generator,
    private readonly clock: CoreClock,
    private readonly timing: Timing,
  ) {}

  measure(rig: Rig, traffic: TrafficSpec, expected: Expected): Sample {
    return rig.runOutside(() => {
      this.generator.aim(rig.generatorIfindex);
      this.generator.shape(traffic);
      const { coreMs } = this.#run(rig, this.timing.warmUpPackets);
      const packets = Math.ceil((this.timing.durationMs / coreMs) * this.timing.warmUpPackets);
      return toSample(this.#run(rig, packets), expected);
    });
  }

  #run(rig: Rig, packets: number): Interval {
    const before = counts(rig);
    const begin = this.clock.now();
    const wallMs = this.generator.send(packets);
    const coreMs = this.clock.now() - begin;
    return { sent: packets, coreMs, wallMs, before, after: counts(rig) };
  }
}
