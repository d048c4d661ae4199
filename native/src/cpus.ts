import { BpfError } from "./errors.js";
import { native } from "./ffi/native.js";

let count: number | undefined;

/** CPUs that the kernel could ever have; per-CPU values have one part for each. Fixed from boot on. */
export function possibleCpus(): number {
  if (count === undefined) {
    const result = native().libbpf.libbpf_num_possible_cpus();
    if (result < 0) throw new BpfError("number of possible CPUs", -result);
    count = result;
  }
  return count;
}
