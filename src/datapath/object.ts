/** Loading the datapath's eBPF object, sized as the configuration says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BpfObject, type LoadedObject, type ObjectSpec } from "libbpf-ts";
import { MATCH_MAPS, SPARE_SLOTS } from "./intercept-table.js";
import type { DatapathOptions } from "./options.js";

/** For kernels with kfuncs (6.2 and later), and for those without. */
const OBJECTS = ["tc.o", "tc-61.o"];

function openSpec(path: string, limits: DatapathOptions["limits"]): ObjectSpec {
  if (!existsSync(path)) throw new Error(`The eBPF object ${path} is not there: run "make all" first.`);
  const spec = BpfObject.open(path);
  for (const map of MATCH_MAPS) spec.setMaxEntries(map, limits.matches);
  for (const map of ["intercepts", "intercept_stats", "buckets"])
    spec.setMaxEntries(map, limits.intercepts + SPARE_SLOTS);
  for (const map of ["mediation_devices", "routes", "identifications"])
    spec.setMaxEntries(map, limits.mediationDevices);
  spec.setMaxEntries("drop_policies", limits.dropPolicies + 1);
  return spec;
}

/** `prepare` may change the specification before it is loaded. Throws the first object's error where none loads. */
export function openObject(
  options: Pick<DatapathOptions, "objectDirectory" | "limits">,
  prepare: (spec: ObjectSpec) => void = () => {},
): LoadedObject {
  const errors: unknown[] = [];
  for (const name of OBJECTS) {
    try {
      const spec = openSpec(join(options.objectDirectory, name), options.limits);
      prepare(spec);
      return spec.load();
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}
