/** The intercepts in the kernel's maps: what each occupies there, and how one is started, changed and stopped. */
import type { LoadedObject } from "libbpf-ts";
import { InterceptError } from "../intercepts/errors.js";
import type { InterceptSpec, SubscriberMatch } from "../intercepts/types.js";
import { type AdoptedIntercept, adopt } from "./adopt.js";
import { bootClockNs, toBootClockNs } from "./clock.js";
import { addCounters, NO_COUNTERS, readIntercept } from "./counters.js";
import { encodeDropPolicy, encodeIntercept } from "./encode.js";
import { type InterfaceKeys, InterfaceMatches, NO_INTERFACES } from "./interface-matches.js";
import { Bucket, ConfigFlags, DropPolicy, Intercept, InterceptCounters as Stats } from "./layout.gen.js";
import { MapWriter } from "./map-writer.js";
import { interfaceKey, kindOf, type MatchContext, type MatchKey, type MatchMap, matchKey } from "./matches.js";
import { type DeviceSurroundings, MediationDevices } from "./mediation-devices.js";
import type { DatapathOptions } from "./options.js";
import { DatapathError, type InterceptCounters, type MapFill } from "./port.js";
import { indexKey, SharedRows } from "./registers.js";
import { Sieve } from "./sieve.js";
import { Slots } from "./slots.js";
import { TargetTable, type WritableMap } from "./target-table.js";
import { sameIntercept, sameMatches } from "./unchanged.js";

/** So that a changed intercept finds a free slot also where the table is full. */
export const SPARE_SLOTS = 256;
export const MATCH_MAPS: readonly MatchMap[] = ["hosts4", "hosts6", "prefixes4", "prefixes6", "links"];

/** A wall-clock time (Unix, milliseconds), and the moment on the boot clock that it was when it was first read. */
interface Moment {
  readonly unixMs: number;
  readonly bootNs: bigint;
}

const NO_MOMENTS: readonly Moment[] = [];
const NO_MATCHES: ReadonlySet<MatchKey> = new Set();

interface Running {
  readonly slot: number;
  readonly device: number;
  readonly dropPolicy: number;
  readonly matches: readonly MatchKey[];
  /** Of the slots that the intercept had before it was changed. */
  readonly earlier: InterceptCounters;
  /** Its begin and its end: a wall clock that is stepped does not move them when the intercept is changed. */
  readonly moments: readonly Moment[];
}

interface Places extends Pick<Running, "device" | "dropPolicy" | "matches"> {
  /** Those of `matches` that go by an interface. */
  readonly interfaces: InterfaceKeys;
}

function sieveOf(map: WritableMap): Sieve {
  const [key, word] = [Buffer.alloc(4), Buffer.alloc(8)];
  return new Sieve(map.maxEntries, {
    update: (index, low, high) => {
      key.writeUInt32LE(index);
      word.writeUInt32LE(low);
      word.writeUInt32LE(high, 4);
      map.update(key, word);
    },
  });
}

/** `interfaces`: the keys of those matches that go by an interface. */
function matchKeys({ matches }: InterceptSpec, context: MatchContext, interfaces: InterfaceKeys): MatchKey[] {
  const keyAt = (match: SubscriberMatch, index: number) => matchKey(match, context, `matches[${index}]`);
  // The usual case makes an array that has room for no more, and lasts.
  if (interfaces.size === 0) return matches.map(keyAt);
  const others = matches.flatMap((match, index) => (match.kind === "interface" ? [] : [keyAt(match, index)]));
  return [...others, ...[...interfaces.values()].filter((key) => key !== undefined)];
}

export class InterceptTable {
  readonly #writer = new MapWriter();
  /** Of the map `intercepts`. */
  readonly #rows: WritableMap;
  readonly #sieve: Sieve;
  readonly #targets: TargetTable;
  readonly #slots: Slots;
  readonly devices: MediationDevices;
  readonly #policies: SharedRows;
  readonly #running = new Map<string, Running>();
  readonly #interfaces = new InterfaceMatches();
  /** Slots of an intercept that an earlier run was changing when it ended: gone with the next change. */
  readonly #leftovers = new Map<string, Running[]>();
  readonly #emptyStats: Buffer[];
  /** Where a row is laid out for the kernel. */
  readonly #key = Buffer.alloc(4);
  readonly #row = Buffer.alloc(Intercept.size);

  constructor(
    private readonly object: LoadedObject,
    private readonly options: Pick<DatapathOptions, "limits" | "mediation">,
    surroundings: DeviceSurroundings,
  ) {
    const map = (name: string) => object.map(name);
    this.#rows = this.#writer.wrap(map("intercepts"));
    this.#sieve = sieveOf(this.#writer.wrap(map("sieve")));
    const matchMaps = {
      hosts4: this.#writer.wrap(map("hosts4")),
      hosts6: this.#writer.wrap(map("hosts6")),
      prefixes4: this.#writer.wrap(map("prefixes4")),
      prefixes6: this.#writer.wrap(map("prefixes6")),
      links: this.#writer.wrap(map("links")),
    };
    this.#targets = new TargetTable(matchMaps, this.#sieve);
    this.#slots = new Slots(map("intercepts").maxEntries);
    this.devices = new MediationDevices(map("mediation_devices"), options.mediation, surroundings);
    this.#policies = new SharedRows(map("drop_policies"), "drop policies", "dropPolicy", undefined, 1);
    this.#emptyStats = (map("intercept_stats").lookupPerCpu(indexKey(0)) ?? []).map(() => Buffer.alloc(Stats.size));
  }

  /** Takes over what an earlier run left in the maps. */
  adopt(): void {
    const { matches, intercepts } = adopt(this.object, MATCH_MAPS);
    this.#writer.batch(() => {
      for (const { match, slots } of matches) this.#targets.adopt(match, slots);
    });
    this.#slots.adopt(new Set(intercepts.map(({ slot }) => slot)));
    this.devices.adopt(intercepts.map(({ device }) => device));
    this.#policies.adopt(intercepts.flatMap(({ dropPolicy }) => (dropPolicy === 0 ? [] : [dropPolicy])));
    for (const intercept of intercepts) this.#adoptOne(intercept);
  }

  /** The kernel's mask for the sieve's words. */
  get sieveMask(): number {
    return this.#sieve.mask;
  }

  /** The config flags of the kinds of match that are in use. */
  get flags(): number {
    return this.#targets.flags;
  }

  keys(): string[] {
    return [...this.#running.keys()];
  }

  put(spec: InterceptSpec, context: MatchContext): void {
    try {
      this.#put(spec, context);
    } catch (error) {
      if (error instanceof InterceptError)
        throw new DatapathError("invalid", `${error.message}.`, error.field, { cause: error });
      throw error;
    }
  }

  #put(spec: InterceptSpec, context: MatchContext): void {
    const before = this.#running.get(spec.key);
    if (!before && this.#running.size >= this.options.limits.intercepts)
      throw new DatapathError(
        "table-full",
        `${this.options.limits.intercepts} intercepts are active already.`,
        "intercepts",
      );
    const places = this.#takePlaces(spec, context);
    let moments = NO_MOMENTS;
    let intercept: Intercept;
    try {
      intercept = this.#encode(spec, places, (unixMs) => {
        const moment = before?.moments.find((it) => it.unixMs === unixMs) ?? { unixMs, bootNs: toBootClockNs(unixMs) };
        moments = [...moments, moment];
        return moment.bootNs;
      });
    } catch (error) {
      this.#releasePlaces(places);
      throw error;
    }
    if (before && this.#isUnchanged(before, intercept, places)) {
      this.#releasePlaces(places);
      this.#running.set(spec.key, { ...before, moments });
    } else this.#replace(spec, before, intercept, places, moments);
    this.#interfaces.set(spec.key, places.interfaces);
  }

  /**
   * The interface of this name has another index now, or none: the intercepts on it follow. Throws where the kernel
   * refuses; those that it refused wait for the interface's next change.
   */
  followInterface(name: string, ifindex: number | undefined): void {
    const errors: unknown[] = [];
    for (const key of this.#interfaces.on(name)) {
      try {
        this.#rebind(key, name, ifindex);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Like `put` for many, whose rows are written together. `work` puts. */
  batch<T>(work: () => T): T {
    return this.#writer.batch(work);
  }

  /** False where there was none. */
  remove(key: string): boolean {
    const running = this.#running.get(key);
    if (!running) return false;
    this.#retire(running);
    this.#retireLeftovers(key);
    this.#running.delete(key);
    this.#interfaces.delete(key);
    return true;
  }

  counters(key: string): InterceptCounters | undefined {
    const running = this.#running.get(key);
    return running && this.#countersOf(running);
  }

  fill(): MapFill[] {
    const matches = MATCH_MAPS.map((map) => ({
      map,
      entries: this.#targets.count(map),
      capacity: this.object.map(map).maxEntries,
    }));
    return [
      { map: "intercepts", entries: this.#running.size, capacity: this.options.limits.intercepts },
      ...matches,
      { map: "mediation_devices", entries: this.devices.used, capacity: this.devices.capacity },
      { map: "drop_policies", entries: this.#policies.used, capacity: this.#policies.capacity - 1 },
    ];
  }

  #adoptOne({ key, slot, device, dropPolicy, matches }: AdoptedIntercept): void {
    const running = { slot, device, dropPolicy, matches, earlier: NO_COUNTERS, moments: NO_MOMENTS };
    if (!this.#running.has(key)) this.#running.set(key, running);
    else this.#leftovers.set(key, [...(this.#leftovers.get(key) ?? []), running]);
  }

  #rebind(key: string, name: string, ifindex: number | undefined): void {
    const running = this.#running.get(key);
    const keys = this.#interfaces.keys(key);
    const [old, now] = [keys.get(name), ifindex === undefined ? undefined : interfaceKey(ifindex)];
    if (!running || old === now) return;
    const bind = (match: MatchKey | undefined): void => {
      const others = running.matches.filter((other) => other !== old);
      this.#running.set(key, { ...running, matches: match ? [...others, match] : others });
      this.#interfaces.set(key, new Map([...keys, [name, match]]));
    };
    // Another interface may have the old index by now: that goes first.
    if (old) this.#targets.change(old, undefined, running.slot);
    bind(undefined);
    if (!now) return;
    this.#targets.change(now, running.slot, undefined);
    bind(now);
  }

  #isUnchanged(before: Running, intercept: Intercept, { matches }: Places): boolean {
    const bytes = this.#rows.lookup(indexKey(before.slot));
    return (
      bytes !== undefined && sameIntercept(Intercept.decode(bytes), intercept) && sameMatches(before.matches, matches)
    );
  }

  #replace(
    spec: InterceptSpec,
    before: Running | undefined,
    intercept: Intercept,
    places: Places,
    moments: readonly Moment[],
  ): void {
    const slot = this.#slots.take();
    if (slot === undefined) {
      this.#releasePlaces(places);
      throw new DatapathError("table-full", "There is no free intercept slot.", "intercepts");
    }
    try {
      this.#write(slot, intercept);
      this.#changeMatches(places.matches, slot, before);
    } catch (error) {
      this.#slots.free(slot);
      this.#releasePlaces(places);
      throw error;
    }
    const earlier = before ? this.#countersOf(before) : NO_COUNTERS;
    if (before) this.#release(before);
    this.#retireLeftovers(spec.key);
    const { device, dropPolicy, matches } = places;
    this.#running.set(spec.key, { slot, device, dropPolicy, matches, earlier, moments });
  }

  #countersOf(running: Running): InterceptCounters {
    return addCounters(running.earlier, readIntercept(this.object.map("intercept_stats"), running.slot));
  }

  #takePlaces(spec: InterceptSpec, context: MatchContext): Places {
    if (spec.matches.length === 0) throw new InterceptError("matches", "matches must have at least one entry");
    const interfaces = this.#interfaceKeys(spec, context);
    const matches = matchKeys(spec, context, interfaces);
    const policy = encodeDropPolicy(spec.dropPolicy);
    const device = this.devices.take(spec.mediation.address);
    try {
      return { device, dropPolicy: policy ? this.#policies.take(DropPolicy.encode(policy)) : 0, matches, interfaces };
    } catch (error) {
      this.devices.release(device);
      throw error;
    }
  }

  /** An interface that is not there is refused, unless the intercept runs on it already. */
  #interfaceKeys(spec: InterceptSpec, context: MatchContext): InterfaceKeys {
    if (!spec.matches.some(({ kind }) => kind === "interface")) return NO_INTERFACES;
    const keys = new Map<string, MatchKey | undefined>();
    const known = this.#interfaces.keys(spec.key);
    // Of what an earlier run left, the names are not known.
    const ranOnSome = this.#running
      .get(spec.key)
      ?.matches.some((match) => kindOf(match).flag === ConfigFlags.CONFIG_INTERFACES);
    const isRunningOn = (name: string) => known.has(name) || (known.size === 0 && ranOnSome === true);
    for (const [index, match] of spec.matches.entries()) {
      if (match.kind !== "interface") continue;
      const isAway = isRunningOn(match.name) && context.ifindexOf(match.name) === undefined;
      keys.set(match.name, isAway ? undefined : matchKey(match, context, `matches[${index}]`));
    }
    return keys;
  }

  #releasePlaces({ device, dropPolicy }: Pick<Running, "device" | "dropPolicy">): void {
    this.devices.release(device);
    if (dropPolicy !== 0) this.#policies.release(dropPolicy);
  }

  #release(running: Running): void {
    this.#releasePlaces(running);
    this.#slots.free(running.slot);
  }

  #retire(running: Running): void {
    for (const match of running.matches) this.#targets.change(match, undefined, running.slot);
    this.#release(running);
  }

  #retireLeftovers(key: string): void {
    const leftovers = this.#leftovers.get(key);
    if (leftovers === undefined) return;
    for (const leftover of leftovers) this.#retire(leftover);
    this.#leftovers.delete(key);
  }

  #encode(spec: InterceptSpec, places: Places, toBootClock: (unixMs: number) => bigint): Intercept {
    return encodeIntercept(spec, {
      device: places.device,
      dropPolicy: places.dropPolicy,
      defaultDscp: this.options.mediation.dscp,
      toBootClock,
    });
  }

  #write(slot: number, intercept: Intercept): void {
    const key = this.#key;
    key.writeUInt32LE(slot);
    if (intercept.bytes_per_second > 0n) {
      const full = { lock: { val: 0 }, tokens_byte_ns: intercept.bucket_byte_ns, filled_ns: bootClockNs() };
      this.object.map("buckets").update(key, Bucket.encode(full));
    }
    if (!this.#slots.lastIsFresh) this.object.map("intercept_stats").updatePerCpu(key, this.#emptyStats);
    this.#rows.update(key, Intercept.encode(intercept, this.#row));
  }

  /** From `before`'s slot to `slot`, match by match; all of it or nothing. */
  #changeMatches(matches: readonly MatchKey[], slot: number, before: Running | undefined): void {
    const old = before === undefined ? NO_MATCHES : new Set(before.matches);
    const oldSlot = (match: MatchKey): number | undefined => (old.has(match) ? before?.slot : undefined);
    let done = 0;
    try {
      for (; done < matches.length; done++) {
        const match = matches[done] as MatchKey;
        this.#targets.change(match, slot, oldSlot(match));
      }
    } catch (error) {
      for (const match of matches.slice(0, done)) this.#targets.change(match, oldSlot(match), slot);
      throw error;
    }
    if (old.size === 0) return;
    const kept = new Set(matches);
    for (const match of old) if (!kept.has(match)) this.#targets.change(match, undefined, before?.slot);
  }
}
