/** Programs on the kernel's tracepoints, with the arguments as the kernel passes them (BPF_RAW_TRACEPOINT_OPEN). */
import { BpfUsageError } from "./errors.js";
import { ownedFd } from "./fd.js";
import { Link, type ProgramRef } from "./link.js";
import { Attributes, bpf } from "./sys/bpf.js";
import { ATTR, COMMAND } from "./sys/uapi.js";

const REMEDIES = { ENOENT: "the kernel has no such tracepoint" };

/** `name` as in /sys/kernel/tracing/events, without the group, e.g. `kfree_skb`. The link has no program to replace. */
export function attachRawTracepoint(program: ProgramRef, name: string): Link {
  if (!/^\w+$/.test(name)) throw new BpfUsageError("name of a tracepoint: letters, digits and _ expected");
  const at = ATTR.raw_tracepoint;
  const attributes = new Attributes().pointer(at.name, Buffer.from(`${name}\0`, "latin1")).u32(at.prog_fd, program.fd);
  const what = `raw tracepoint link on ${name}`;
  const fd = bpf(COMMAND.RAW_TRACEPOINT_OPEN, attributes, `create a ${what}`, { remedies: REMEDIES });
  return new Link(ownedFd(fd, what, what));
}
