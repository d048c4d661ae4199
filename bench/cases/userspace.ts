/** A mirror in user space on a core of its own: a ring of AF_PACKET in, many packets a system call out. */
import { hold } from "../held-process.js";
import { CopyKind } from "../layout.gen.js";
import { ACCESS, EDGE_MACS, MEDIATION, MEDIATION_ADDRESS, NODE_ADDRESS } from "../rig.js";
import type { Case } from "./case.js";

const DEVICES_AND_PREFIX = [ACCESS, MEDIATION, "100.64.0.0", "255.240.0.0"];
const OUTER = [EDGE_MACS.mediation, EDGE_MACS.mediationSink, NODE_ADDRESS, MEDIATION_ADDRESS];

export function userspaceMirror(program: string, cpu: number): Case {
  return {
    id: "userspace",
    title: "AF_PACKET mirror in user space, on a second core",
    entries: 1,
    counting: "tc",
    copyKind: CopyKind.COPY_SHIM,
    forwards: true,
    mirrors: true,
    async setUp() {
      const held = await hold("taskset", "--cpu-list", String(cpu), program, ...DEVICES_AND_PREFIX, ...OUTER);
      return () => held.close();
    },
  };
}
