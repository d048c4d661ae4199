/** A datapath that puts on record what the kernel is told, before it is told. What cannot be put on record does not start. */
import {
  type Datapath,
  type DatapathCounters,
  DatapathError,
  type DatapathSurroundings,
  type InterceptCounters,
  type MapFill,
} from "../datapath/port.js";
import type { InterceptSpec } from "../intercepts/types.js";
import type { AgentTrust } from "../security/trust.js";

export class RecordingDatapath implements Datapath {
  readonly #keys: Set<string>;

  constructor(
    private readonly inner: Datapath,
    private readonly trust: AgentTrust,
    /** Id of the event that is being carried out, and whether an order in it is on the disk already. */
    private readonly cause: () => { readonly event: string; readonly isOnRecord: boolean } | undefined,
  ) {
    this.#keys = new Set(inner.keys());
  }

  put(spec: InterceptSpec): void {
    const refusal = this.#refusal(spec.key);
    if (refusal !== undefined) throw refusal;
    const isNew = !this.#keys.has(spec.key);
    this.#record(spec);
    if (isNew && this.cause()?.isOnRecord !== true && !this.trust.commit()) throw notRecorded();
    this.inner.put(spec);
    this.#keys.add(spec.key);
  }

  putMany(specs: readonly InterceptSpec[]): (DatapathError | undefined)[] {
    const refusals = specs.map(({ key }) => this.#refusal(key));
    for (const [index, spec] of specs.entries()) {
      // What the kernel held already is put again by every start, and that is nothing for the record.
      if (refusals[index] === undefined && !this.#keys.has(spec.key)) this.#record(spec);
    }
    const onRecord = this.trust.commit();
    for (const [index, { key }] of specs.entries()) {
      if (!onRecord && !this.#keys.has(key)) refusals[index] ??= notRecorded();
    }
    const allowed = specs.filter((_, index) => refusals[index] === undefined);
    const results = this.inner.putMany(allowed)[Symbol.iterator]();
    return specs.map(({ key }, index) => {
      const error = refusals[index] ?? results.next().value;
      if (error === undefined) this.#keys.add(key);
      return error;
    });
  }

  /** An end is never held up. */
  remove(key: string): boolean {
    const removed = this.inner.remove(key);
    this.#keys.delete(key);
    if (removed) this.trust.audit.intercept({ change: "ends", intercept: key, ...this.#event() });
    return removed;
  }

  keys(): string[] {
    return this.inner.keys();
  }

  surroundings(): DatapathSurroundings {
    return this.inner.surroundings();
  }

  activate(): void {
    this.inner.activate();
  }

  interceptCounters(key: string): InterceptCounters | undefined {
    return this.inner.interceptCounters(key);
  }

  counters(): DatapathCounters {
    return this.inner.counters();
  }

  fill(): MapFill[] {
    return this.inner.fill();
  }

  close(): void {
    this.inner.close();
  }

  /** An intercept that was ended comes back from an old record alone. */
  #refusal(key: string): DatapathError | undefined {
    if (!this.trust.hasEnded(key)) return undefined;
    return new DatapathError("invalid", "the intercept was ended, and is not started again by an old record");
  }

  #record(spec: InterceptSpec): void {
    const { key, ...about } = spec;
    const change = this.#keys.has(key) ? "changes" : "begins";
    this.trust.audit.intercept({ change, intercept: key, ...this.#event(), about });
  }

  #event(): { readonly event?: string } {
    const event = this.cause()?.event;
    return event === undefined ? {} : { event };
  }
}

function notRecorded(): DatapathError {
  return new DatapathError("not-recorded", "the audit log cannot be written, and nothing starts off the record");
}
