/** Loading the datapath's eBPF object, sized as the configuration says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BpfObject, type LoadedObject, type ObjectSpec } from "libbpf-ts";
import { MATCH_MAPS, SPARE_SLOTS } from "./intercept-table.js";
import type { DatapathOptions } from "./options.js";
import { generationOf, isShared, layoutVersion, Pins } from "./pins.js";
import { sieveWords } from "./sieve.js";

/** For kernels with kfuncs (6.2 and later), and for those without. */
const OBJECTS = ["tc.o", "tc-61.o"];

export const STACK_LOSS_PROGRAM = "stack_loss";

function openSpec(path: string, limits: DatapathOptions["limits"]): ObjectSpec {
  if (!existsSync(path)) throw new Error(`The eBPF object ${path} is not there: run "make all" first.`);
  const spec = BpfObject.open(path);
  for (const map of MATCH_MAPS) spec.setMaxEntries(map, limits.matches);
  for (const map of ["intercepts", "intercept_stats", "buckets"])
    spec.setMaxEntries(map, limits.intercepts + SPARE_SLOTS);
  for (const map of ["mediation_devices", "routes", "identifications"])
    spec.setMaxEntries(map, limits.mediationDevices);
  spec.setMaxEntries("sieve", sieveWords(limits.matches));
  spec.setMaxEntries("drop_policies", limits.dropPolicies + 1);
  return spec;
}

/**
 * `prepare` may change the specification before it is loaded. Throws the first object's error where none loads. A node
 * that does not let tracing programs in mirrors all the same; what its IP stack drops is not counted then.
 */
function openObject(
  options: Pick<DatapathOptions, "objectDirectory" | "limits">,
  prepare: (spec: ObjectSpec) => void,
): LoadedObject {
  const errors: unknown[] = [];
  const ways = OBJECTS.flatMap((name) => [true, false].map((traces) => ({ name, traces })));
  for (const { name, traces } of ways) {
    try {
      const spec = openSpec(join(options.objectDirectory, name), options.limits);
      prepare(spec);
      spec.setAutoload(STACK_LOSS_PROGRAM, traces);
      return spec.load();
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}

export interface KeptObject {
  readonly object: LoadedObject;
  readonly pins?: Pins;
  /** False where the maps are those of an earlier run, with what it left in them. */
  readonly isNew: boolean;
}

/** Loads the object on the maps that an earlier run pinned, where their layout is the same. */
export function openKept(options: Pick<DatapathOptions, "objectDirectory" | "limits" | "pinDirectory">): KeptObject {
  const directory = options.pinDirectory;
  if (directory === undefined) return { object: openObject(options, () => {}), isNew: true };
  Pins.requireBpffs(directory);
  /** By version: each way of loading may have a layout of its own. */
  const tried = new Map<string, { pins: Pins; isNew: boolean }>();
  let kept: { pins: Pins; isNew: boolean } | undefined;
  const prepare = (spec: ObjectSpec): void => {
    const pins = new Pins(directory, layoutVersion(spec));
    // Where one way fails, what it has pinned is not an earlier run's.
    kept = tried.get(pins.version) ?? { pins, isNew: !pins.hasMaps };
    tried.set(pins.version, kept);
    pins.create();
    for (const { name } of spec.maps) if (isShared(name)) spec.setPinPath(name, pins.mapPath(name));
    spec.setGlobal("generation", Buffer.from([generationOf(pins.version)]));
  };
  try {
    return { object: openObject(options, prepare), isNew: true, ...kept };
  } catch (error) {
    // Maps are pinned before the verifier has its say.
    for (const { pins, isNew } of tried.values()) if (isNew) pins.removeVersion(pins.version);
    throw error;
  }
}
