/** A datapath in memory: does what the port promises, keeps a journal, and refuses on request. */
import {
  type Datapath,
  type DatapathCounters,
  DatapathError,
  type DatapathSurroundings,
  type DirectionCounters,
  type InterceptCounters,
  type MapFill,
} from "../../src/datapath/port.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";

const NONE: DirectionCounters = { packets: 0n, bytes: 0n };

export class FakeDatapath implements Datapath {
  readonly specs = new Map<string, InterceptSpec>();
  /** `put key`, `remove key`, in order. */
  readonly journal: string[] = [];
  capacity = 1000;
  /** Refuses what it returns an error for. */
  refuse: (spec: InterceptSpec) => DatapathError | undefined = () => undefined;
  closed = false;

  put(spec: InterceptSpec): void {
    const refusal = this.refuse(spec);
    if (refusal !== undefined) throw refusal;
    if (!this.specs.has(spec.key) && this.specs.size >= this.capacity) {
      throw new DatapathError("table-full", "the intercept table is full");
    }
    this.journal.push(`put ${spec.key}`);
    this.specs.set(spec.key, spec);
  }

  putMany(specs: readonly InterceptSpec[]): (DatapathError | undefined)[] {
    return specs.map((spec) => {
      try {
        this.put(spec);
        return undefined;
      } catch (error) {
        return error as DatapathError;
      }
    });
  }

  remove(key: string): boolean {
    this.journal.push(`remove ${key}`);
    return this.specs.delete(key);
  }

  keys(): string[] {
    return [...this.specs.keys()];
  }

  interceptCounters(key: string): InterceptCounters | undefined {
    return this.specs.has(key) ? { from: NONE, to: NONE, dropped: 0n, excluded: 0n } : undefined;
  }

  counters(): DatapathCounters {
    const dropped = { "no-route": 0n, oversize: 3n };
    return {
      from: { packets: 7n, bytes: 700n },
      to: NONE,
      dropped,
      fragmented: 2n,
      throughStack: 4n,
      excluded: 1n,
      byXdp: 0n,
    };
  }

  fill(): MapFill[] {
    return [{ map: "intercepts", entries: this.specs.size, capacity: this.capacity }];
  }

  surroundings(): DatapathSurroundings {
    const path = { interface: "med0", mtu: 1600, needed: 1536, neighbour: "reachable" } as const;
    return { access: ["acc1"], mediation: ["med0"], paths: [path] };
  }

  activate(): void {
    this.journal.push("activate");
  }

  close(): void {
    this.closed = true;
  }

  /** The only intercept there is. */
  only(): InterceptSpec {
    const [spec, ...others] = this.specs.values();
    if (spec === undefined || others.length > 0)
      throw new Error(`expected one intercept, there are ${this.specs.size}`);
    return spec;
  }
}
