/** How long one lookup of a subscriber takes, by how many there are: hits and misses at random addresses. */
import { BpfObject, type LoadedObject } from "libbpf-ts";
import { Host4Key, Targets } from "../src/datapath/layout.gen.js";
import { TrafficLimits } from "./layout.gen.js";
import { Lookups } from "./lookup-layout.gen.js";
import { quantile, shuffled } from "./statistics.js";

export interface LookupResult {
  readonly entries: number;
  readonly hitNs: number;
  readonly missNs: number;
}

const ZERO = Buffer.alloc(4);
const LOOKUPS = 100_000;
/** The smallest packet that a test run takes. */
const PACKET = Buffer.alloc(64);
const PORTION = 10_000;

function load(objectPath: string, entries: number): LoadedObject {
  const object = BpfObject.open(objectPath).setMaxEntries("hosts4", entries).load();
  const targets = Targets.encode({ count: 1, intercept: [0, 0, 0, 0, 0, 0, 0, 0] });
  const indices = shuffled(Array.from({ length: entries }, (_, index) => index));
  for (let first = 0; first < entries; first += PORTION) {
    const portion = indices.slice(first, first + PORTION);
    const keys = portion.map((index) => Host4Key.encode({ zone: 0, address: TrafficLimits.INTERCEPTED_BASE + index }));
    const values = Buffer.concat(portion.map(() => targets));
    object.map("hosts4").updateBatch(Buffer.concat(keys), values, portion.length);
  }
  return object;
}

type Kind = "hit" | "miss" | "nothing";

/** Mean of LOOKUPS lookups in a row, the loop around them included. */
function timeNs(object: LoadedObject, entries: number, kind: Kind): number {
  const base = kind === "hit" ? TrafficLimits.INTERCEPTED_BASE : TrafficLimits.OTHERS_BASE;
  const wanted = {
    count: LOOKUPS,
    base,
    range: entries,
    random: 0x2545f491,
    enabled: kind === "nothing" ? 0 : 1,
    found: 0,
  };
  object.map("lookups").update(ZERO, Lookups.encode(wanted));
  const { durationNs } = object.program("look_up_many").testRun({ data: PACKET, repeat: 3 });
  const found = Lookups.decode(object.map("lookups").lookup(ZERO) ?? Buffer.alloc(0)).found;
  if (found !== (kind === "hit" ? LOOKUPS * 3 : 0))
    throw new Error(`${found} of ${LOOKUPS * 3} lookups found something.`);
  return durationNs / LOOKUPS;
}

/** Least disturbed times: what other processes add is never negative. */
const QUIET = 0.1;

export function measureLookups(objectPath: string, sizes: readonly number[], rounds: number): LookupResult[] {
  const objects = sizes.map((entries) => ({ entries, object: load(objectPath, entries) }));
  const times = objects.map(() => ({ hit: [] as number[], miss: [] as number[], nothing: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    objects.forEach(({ entries, object }, index) => {
      for (const kind of ["hit", "miss", "nothing"] as const) times[index]?.[kind].push(timeNs(object, entries, kind));
    });
  }
  for (const { object } of objects) object.close();
  return objects.map(({ entries }, index) => {
    const of = (kind: Kind): number => quantile(times[index]?.[kind] ?? [], QUIET);
    const net = (kind: Kind): number => Math.round((of(kind) - of("nothing")) * 10) / 10;
    return { entries, hitNs: net("hit"), missNs: net("miss") };
  });
}
