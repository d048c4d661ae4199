/** A mirror in user space on a core of its own: a ring of AF_PACKET in, many packets a system call out. */
import { type ChildProcess, spawn } from "node:child_process";
import { CopyKind } from "../layout.gen.js";
import { ACCESS, EDGE_MACS, MEDIATION, MEDIATION_ADDRESS, NODE_ADDRESS } from "../rig.js";
import type { Case } from "./case.js";

function start(program: string, cpu: number): ChildProcess {
  const devices = [ACCESS, MEDIATION, "100.64.0.0", "255.240.0.0"];
  const outer = [EDGE_MACS.mediation, EDGE_MACS.mediationSink, NODE_ADDRESS, MEDIATION_ADDRESS];
  return spawn("taskset", ["--cpu-list", String(cpu), program, ...devices, ...outer], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export function userspaceMirror(program: string, cpu: number): Case {
  return {
    id: "userspace",
    title: `AF_PACKET mirror in user space, on a second core`,
    entries: 1,
    counting: "tc",
    copyKind: CopyKind.COPY_SHIM,
    forwards: true,
    mirrors: true,
    setUp() {
      const child = start(program, cpu);
      return () => void child.kill("SIGKILL");
    },
  };
}
