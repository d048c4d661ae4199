/** What the control plane asks of a datapath. The kernel's implementation is `kernel.ts`; tests have a fake. */
import type { InterceptSpec } from "../intercepts/types.js";
import type { NeighbourState } from "../net/next-hop.js";

export interface DirectionCounters {
  readonly packets: bigint;
  /** Bytes of the mirrored packets from their IP header on, without what was prepended. */
  readonly bytes: bigint;
}

export interface InterceptCounters {
  readonly from: DirectionCounters;
  readonly to: DirectionCounters;
  /** Copies that were due and did not leave, whatever the reason. */
  readonly dropped: bigint;
  /** Packets that the intercept's drop policy left out. */
  readonly excluded: bigint;
}

export interface DatapathCounters {
  readonly from: DirectionCounters;
  readonly to: DirectionCounters;
  /** Every reason that the datapath knows is present, also at zero. */
  readonly dropped: Readonly<Record<string, bigint>>;
  /** Copies that left as IP fragments. */
  readonly fragmented: bigint;
  /** Copies that went through the IP stack, the fragmented ones included. */
  readonly throughStack: bigint;
  /** Packets that drop policies left out. */
  readonly excluded: bigint;
  /** Copies that XDP made, of those in `from` and `to`. */
  readonly byXdp: bigint;
}

export interface MapFill {
  readonly map: string;
  readonly entries: number;
  readonly capacity: number;
}

/** Where copies are made and how they leave, without a mediation device's address. */
export interface DatapathSurroundings {
  /** Names of the interfaces that carry our programs now. */
  readonly access: readonly string[];
  readonly mediation: readonly string[];
  /** To the mediation devices in use, as they were when they were last looked at. */
  readonly paths: readonly MediationPath[];
}

export interface MediationPath {
  /** Name of the interface that copies leave by; absent where there is no route. */
  readonly interface?: string;
  /** Of the path, as far as this node knows. */
  readonly mtu?: number;
  /** Bytes that a copy of a 1500-byte packet has. */
  readonly needed: number;
  /** State of the next hop in the kernel's table; `unreachable` where there is no route. */
  readonly neighbour: NeighbourState | "unreachable";
}

export const DATAPATH_ERROR_CODES = [
  /** A table is full; nothing was changed. */
  "table-full",
  /** The specification asks for something that cannot be; `field` says which part. */
  "invalid",
  /** The kernel refused a call. */
  "kernel",
  /** It could not be put on the audit record, and nothing starts off the record. */
  "not-recorded",
] as const;
export type DatapathErrorCode = (typeof DATAPATH_ERROR_CODES)[number];

export class DatapathError extends Error {
  override readonly name = "DatapathError";
  constructor(
    readonly code: DatapathErrorCode,
    /** One sentence without a subject in it. */
    message: string,
    readonly field?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Datapath {
  /**
   * Starts mirroring `spec`, or changes the intercept of the same key to it, without a gap.
   * The kernel matches when this returns. Throws DatapathError; what ran before then goes on.
   */
  put(spec: InterceptSpec): void;
  /** Like `put` for many, in batches. Returns one entry a spec, in order: undefined, or why it was refused. */
  putMany(specs: readonly InterceptSpec[]): (DatapathError | undefined)[];
  /** Stops the intercept. False where there was none. */
  remove(key: string): boolean;
  /** Keys of all intercepts that the kernel holds, those of an earlier run included. */
  keys(): string[];
  interceptCounters(key: string): InterceptCounters | undefined;
  counters(): DatapathCounters;
  fill(): MapFill[];
  surroundings(): DatapathSurroundings;
  /**
   * What was put so far is complete. Where programs of an earlier version with other maps still run, these take their
   * places now, without a gap.
   */
  activate(): void;
  close(): void;
}
