/**
 * How long one look-up of a subscriber takes, by how many there are: sieve and table, of those who are there and of those
 * who are not, with three kinds of keys.
 */
import { BpfObject, type LoadedObject } from "libbpf-ts";
import { Host4Key, Targets } from "../src/datapath/layout.gen.js";
import { Sieve, sieveWords } from "../src/datapath/sieve.js";
import { TrafficLimits } from "./layout.gen.js";
import { Lookups } from "./lookup-layout.gen.js";
import { quantile, shuffled } from "./statistics.js";

/** `random`: each of all keys. `inUse`: one of IN_USE of them. `cold`: nothing that is read is in the core's caches. */
export type KeyUse = "random" | "inUse" | "cold";

export interface LookupTimes {
  readonly hitNs: number;
  readonly missNs: number;
}

export interface LookupResult extends Readonly<Record<KeyUse, LookupTimes>> {
  readonly entries: number;
}

export const KEY_USES: readonly KeyUse[] = ["random", "inUse", "cold"];
/** Subscribers whose packets come in turn. */
export const IN_USE = 256;

const ZERO = Buffer.alloc(4);
const LOOKUPS = 100_000;
const REPEAT = 3;
/** With all of the ballast read before each. */
const COLD_LOOKUPS = 60;
/** Lines of 64 bytes: 8 MiB. */
const BALLAST = 131_072;
/** The smallest packet that a test run takes. */
const PACKET = Buffer.alloc(64);
const PORTION = 10_000;

function load(objectPath: string, entries: number): LoadedObject {
  const words = sieveWords(entries);
  const object = BpfObject.open(objectPath).setMaxEntries("hosts4", entries).setMaxEntries("sieve", words).load();
  const targets = Targets.encode({ count: 1, intercept: [0, 0, 0, 0, 0, 0, 0, 0] });
  const indices = shuffled(Array.from({ length: entries }, (_, index) => index));
  const sieved = new Uint32Array(2 * words);
  const sieve = new Sieve(words, { update: (index, low, high) => sieved.set([low, high], 2 * index) });
  for (let first = 0; first < entries; first += PORTION) {
    const portion = indices.slice(first, first + PORTION);
    const keys = portion.map((index) => Host4Key.encode({ zone: 0, address: TrafficLimits.INTERCEPTED_BASE + index }));
    for (const key of keys) sieve.add(key);
    const values = Buffer.concat(portion.map(() => targets));
    object.map("hosts4").updateBatch(Buffer.concat(keys), values, portion.length);
  }
  const places = Buffer.from(Uint32Array.from({ length: words }, (_, index) => index).buffer);
  object.map("sieve").updateBatch(places, Buffer.from(sieved.buffer), words);
  return object;
}

type Kind = "hit" | "miss" | "nothing";

/** Mean of the look-ups of one run; what is around them is in it. */
function timeNs(object: LoadedObject, entries: number, kind: Kind, use: KeyUse): number {
  const isCold = use === "cold";
  const count = isCold ? COLD_LOOKUPS : LOOKUPS;
  const repeat = isCold ? 1 : REPEAT;
  const range = use === "inUse" ? Math.min(IN_USE, entries) : entries;
  const wanted: Lookups = {
    count,
    base: kind === "hit" ? TrafficLimits.INTERCEPTED_BASE : TrafficLimits.OTHERS_BASE,
    range,
    stride: Math.floor(entries / range),
    random: 0x2545f491,
    enabled: kind === "nothing" ? 0 : 1,
    found: 0,
    sieve_mask: sieveWords(entries) - 1,
    ballast: isCold ? BALLAST : 0,
    unused: 0,
    sum: 0n,
    ns: 0n,
  };
  object.map("lookups").update(ZERO, Lookups.encode(wanted));
  const { durationNs } = object.program("look_up_many").testRun({ data: PACKET, repeat });
  const after = Lookups.decode(object.map("lookups").lookup(ZERO) ?? Buffer.alloc(0));
  if (after.found !== (kind === "hit" ? count * repeat : 0))
    throw new Error(`${after.found} of ${count * repeat} look-ups found something.`);
  return isCold ? Number(after.ns) / count : durationNs / count;
}

/** Least disturbed times: what other processes add is never negative. */
const QUIET = 0.1;
const KINDS = ["hit", "miss", "nothing"] as const;

export function measureLookups(objectPath: string, sizes: readonly number[], rounds: number): LookupResult[] {
  const tables = sizes.map((entries) => ({ entries, object: load(objectPath, entries) }));
  const times = new Map<string, number[]>();
  const timesOf = (entries: number, kind: Kind, use: KeyUse): number[] => {
    const key = `${entries} ${kind} ${use}`;
    const before = times.get(key) ?? [];
    times.set(key, before);
    return before;
  };
  for (let round = 0; round < rounds; round++)
    for (const { entries, object } of tables)
      for (const use of KEY_USES)
        for (const kind of KINDS) timesOf(entries, kind, use).push(timeNs(object, entries, kind, use));
  for (const { object } of tables) object.close();
  const quiet = (entries: number, kind: Kind, use: KeyUse): number => quantile(timesOf(entries, kind, use), QUIET);
  const net = (entries: number, kind: Kind, use: KeyUse): number =>
    Math.round((quiet(entries, kind, use) - quiet(entries, "nothing", use)) * 10) / 10;
  return sizes.map((entries) => {
    const of = (use: KeyUse): LookupTimes => ({ hitNs: net(entries, "hit", use), missNs: net(entries, "miss", use) });
    return { entries, random: of("random"), inUse: of("inUse"), cold: of("cold") };
  });
}
