/** The datapath in the kernel, over libbpf-ts: what the port asks becomes entries of maps. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BpfObject, type LoadedObject } from "libbpf-ts";
import type { InterceptSpec } from "../intercepts/types.js";
import { receiveDrops } from "../net/device-counters.js";
import { networkLinks } from "../net/links.js";
import { kernelHasTcx } from "./attach.js";
import { bootClockNs, toBootClockNs } from "./clock.js";
import { addCounters, NO_COUNTERS, readIntercept, readTotals } from "./counters.js";
import { encodeDevice, encodeDropPolicy, encodeIntercept } from "./encode.js";
import { ensureStackPair, removeHelperDevices, STACK_IN } from "./helper-devices.js";
import { type InterfaceEvents, Interfaces } from "./interfaces.js";
import { Bucket, Config, ConfigFlags, DropPolicy, Intercept, InterceptCounters as Stats } from "./layout.gen.js";
import { type MatchKey, type MatchMap, matchKey } from "./matches.js";
import type { DatapathOptions } from "./options.js";
import { type Datapath, type DatapathCounters, DatapathError, type InterceptCounters, type MapFill } from "./port.js";
import { indexKey, SharedRows } from "./registers.js";
import { Slots } from "./slots.js";
import { TargetTable } from "./target-table.js";
import { zoneNumber } from "./zones.js";

/** So that a changed intercept finds a free slot also where the table is full. */
const SPARE_SLOTS = 256;
const MATCH_MAPS: readonly MatchMap[] = ["hosts4", "hosts6", "prefixes4", "prefixes6", "links"];

interface Running {
  readonly slot: number;
  readonly device: number;
  readonly dropPolicy: number;
  readonly matches: readonly MatchKey[];
  /** Of the slots that the intercept had before it was changed. */
  readonly earlier: InterceptCounters;
}

type Places = Pick<Running, "device" | "dropPolicy" | "matches">;

function openObject(options: DatapathOptions): LoadedObject {
  const load = (name: string): LoadedObject => {
    const path = join(options.objectDirectory, name);
    if (!existsSync(path)) throw new Error(`The eBPF object ${path} is not there: run "make all" first.`);
    const spec = BpfObject.open(path);
    const { intercepts, matches, mediationDevices, dropPolicies } = options.limits;
    for (const map of MATCH_MAPS) spec.setMaxEntries(map, matches);
    for (const map of ["intercepts", "intercept_stats", "buckets"]) spec.setMaxEntries(map, intercepts + SPARE_SLOTS);
    for (const map of ["mediation_devices", "routes", "identifications"]) spec.setMaxEntries(map, mediationDevices);
    spec.setMaxEntries("drop_policies", dropPolicies + 1);
    return spec.load();
  };
  try {
    return load("tc.o");
  } catch (first) {
    try {
      return load("tc-61.o");
    } catch {
      throw first;
    }
  }
}

export class KernelDatapath implements Datapath {
  readonly #object: LoadedObject;
  readonly #targets: TargetTable;
  readonly #slots: Slots;
  readonly #devices: SharedRows;
  readonly #policies: SharedRows;
  readonly #running = new Map<string, Running>();
  readonly #interfaces: Interfaces;
  readonly #emptyStats: Buffer[];
  #config: Config;

  constructor(
    private readonly options: DatapathOptions,
    events: Omit<InterfaceEvents, "springboard">,
  ) {
    this.#object = openObject(options);
    const map = (name: string) => this.#object.map(name);
    this.#targets = new TargetTable({
      hosts4: map("hosts4"),
      hosts6: map("hosts6"),
      prefixes4: map("prefixes4"),
      prefixes6: map("prefixes6"),
      links: map("links"),
    });
    this.#slots = new Slots(map("intercepts").maxEntries);
    this.#devices = new SharedRows(map("mediation_devices"), "mediation devices", "mediation.address");
    this.#policies = new SharedRows(map("drop_policies"), "drop policies", "dropPolicy", 1);
    this.#emptyStats = (map("intercept_stats").lookupPerCpu(indexKey(0)) ?? []).map(() => Buffer.alloc(Stats.size));
    const pair = ensureStackPair();
    this.#config = {
      flags: 0,
      stack_out_ifindex: pair.out.ifindex,
      stack_in_ifindex: pair.in.ifindex,
      springboard_ifindex: 0,
      stack_in_mac: pair.inMac,
      ttl: options.mediation.ttl,
    };
    this.#interfaces = new Interfaces(this.#object, options.interfaces, kernelHasTcx(), {
      ...events,
      springboard: (ifindex) => this.#configure({ springboard_ifindex: ifindex }),
    });
    this.#configure({});
    this.#interfaces.attachOwn(pair.out, "stack-out");
    this.#interfaces.attachOwn(pair.in, "stack-in");
    this.followInterfaces();
  }

  /** The eBPF object as it runs, for diagnosis: its programs' statistics, its maps as they are. */
  get object(): LoadedObject {
    return this.#object;
  }

  /** Looks at the node's interfaces again. */
  followInterfaces(): void {
    this.#interfaces.reconcile(networkLinks());
  }

  /** Names of the interfaces in service. */
  interfaceNames(role: "access" | "mediation"): string[] {
    return this.#interfaces.names(role);
  }

  put(spec: InterceptSpec): void {
    const before = this.#running.get(spec.key);
    if (!before && this.#running.size >= this.options.limits.intercepts)
      throw new DatapathError(
        "table-full",
        `${this.options.limits.intercepts} intercepts are active already.`,
        "intercepts",
      );
    const places = this.#takePlaces(spec);
    const slot = this.#slots.take();
    if (slot === undefined) {
      this.#releasePlaces(places);
      throw new DatapathError("table-full", "There is no free intercept slot.", "intercepts");
    }
    try {
      this.#writeIntercept(slot, spec, places);
      this.#changeMatches(places.matches, slot, before);
    } catch (error) {
      this.#slots.free(slot);
      this.#releasePlaces(places);
      throw error;
    }
    const earlier = before ? this.#countersOf(before) : NO_COUNTERS;
    if (before) this.#release(before);
    this.#running.set(spec.key, { slot, ...places, earlier });
  }

  putMany(specs: readonly InterceptSpec[]): (DatapathError | undefined)[] {
    return specs.map((spec) => {
      try {
        this.put(spec);
        return undefined;
      } catch (error) {
        if (error instanceof DatapathError) return error;
        return new DatapathError("kernel", "The kernel refused the intercept.", undefined, { cause: error });
      }
    });
  }

  remove(key: string): boolean {
    const running = this.#running.get(key);
    if (!running) return false;
    for (const match of running.matches) this.#targets.change(match, undefined, running.slot);
    this.#updateFlags();
    this.#release(running);
    this.#running.delete(key);
    return true;
  }

  keys(): string[] {
    return [...this.#running.keys()];
  }

  interceptCounters(key: string): InterceptCounters | undefined {
    const running = this.#running.get(key);
    return running && this.#countersOf(running);
  }

  counters(): DatapathCounters {
    return readTotals(this.#object.map("totals"), receiveDrops(STACK_IN));
  }

  fill(): MapFill[] {
    const matches = MATCH_MAPS.map((map) => ({
      map,
      entries: this.#targets.count(map),
      capacity: this.#object.map(map).maxEntries,
    }));
    return [
      { map: "intercepts", entries: this.#running.size, capacity: this.options.limits.intercepts },
      ...matches,
      { map: "mediation_devices", entries: this.#devices.used, capacity: this.#devices.capacity },
      { map: "drop_policies", entries: this.#policies.used, capacity: this.#policies.capacity - 1 },
    ];
  }

  close(): void {
    this.#interfaces.close();
    this.#object.close();
    removeHelperDevices();
  }

  #countersOf(running: Running): InterceptCounters {
    return addCounters(running.earlier, readIntercept(this.#object.map("intercept_stats"), running.slot));
  }

  #takePlaces(spec: InterceptSpec): Places {
    const context = { zone: zoneNumber(spec.zone), ifindexOf: (name: string) => this.#interfaces.ifindexOf(name) };
    const matches = spec.matches.map((match) => matchKey(match, context));
    if (matches.length === 0) throw new DatapathError("invalid", "An intercept needs at least one match.", "matches");
    const policy = encodeDropPolicy(spec.dropPolicy);
    const device = this.#devices.take(encodeDevice(spec.mediation.address, this.options.mediation));
    try {
      return { device, dropPolicy: policy ? this.#policies.take(DropPolicy.encode(policy)) : 0, matches };
    } catch (error) {
      this.#devices.release(device);
      throw error;
    }
  }

  #releasePlaces({ device, dropPolicy }: Pick<Running, "device" | "dropPolicy">): void {
    this.#devices.release(device);
    if (dropPolicy !== 0) this.#policies.release(dropPolicy);
  }

  #release(running: Running): void {
    this.#releasePlaces(running);
    this.#slots.free(running.slot);
  }

  #writeIntercept(slot: number, spec: InterceptSpec, places: Places): void {
    const intercept = encodeIntercept(spec, {
      device: places.device,
      dropPolicy: places.dropPolicy,
      defaultDscp: this.options.mediation.dscp,
      toBootClock: toBootClockNs,
    });
    const key = indexKey(slot);
    if (spec.rate) {
      const full = { lock: { val: 0 }, tokens_byte_ns: intercept.bucket_byte_ns, filled_ns: bootClockNs() };
      this.#object.map("buckets").update(key, Bucket.encode(full));
    }
    this.#object.map("intercept_stats").updatePerCpu(key, this.#emptyStats);
    this.#object.map("intercepts").update(key, Intercept.encode(intercept));
  }

  /** From `before`'s slot to `slot`, match by match; all of it or nothing. */
  #changeMatches(matches: readonly MatchKey[], slot: number, before: Running | undefined): void {
    const done: MatchKey[] = [];
    const old = new Map(before?.matches.map((match) => [match.id, match]));
    try {
      for (const match of matches) {
        this.#targets.change(match, slot, old.has(match.id) ? before?.slot : undefined);
        done.push(match);
      }
    } catch (error) {
      for (const match of done) this.#targets.change(match, old.has(match.id) ? before?.slot : undefined, slot);
      throw error;
    }
    const kept = new Set(matches.map(({ id }) => id));
    for (const match of old.values()) if (!kept.has(match.id)) this.#targets.change(match, undefined, before?.slot);
    this.#updateFlags();
  }

  #updateFlags(): void {
    const flags = this.#targets.flags | (this.#interfaces.usesZones ? ConfigFlags.CONFIG_ZONES : 0);
    if (flags !== this.#config.flags) this.#configure({ flags });
  }

  #configure(change: Partial<Config>): void {
    this.#config = { ...this.#config, ...change };
    this.#object.map("configs").update(indexKey(0), Config.encode(this.#config));
  }
}
