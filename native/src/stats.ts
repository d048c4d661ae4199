import { type FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";
import { STATS_RUN_TIME } from "./sys/uapi.js";

/** The kernel counts runs and run time of all programs until this is closed. Costs some 20 ns a run. */
export function enableStats(): FileDescriptor {
  return ownedFd(native().libbpf.bpf_enable_stats(STATS_RUN_TIME), "run time statistics", "enable run time statistics");
}
