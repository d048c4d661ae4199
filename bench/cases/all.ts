/** Every case by its id. */
import { BARE_CLONE, BARE_REDIRECT, BARE_TCX, FORWARDING, FORWARDING_XDP_SINKS } from "./bare.js";
import type { Case } from "./case.js";
import { IPTABLES_TEE, MIRRED, mirredHashed, mirredLinear, NFT_DUP } from "./peers.js";
import { submirror } from "./submirror.js";
import { userspaceMirror } from "./userspace.js";

export interface CaseContext {
  /** Of the datapath. */
  readonly objectDirectory: string;
  readonly userspaceProgram: string;
  /** Core that the mirror in user space has to itself. */
  readonly secondCpu: number;
  /** Another build's program that holds the datapath; this build's where there is none. */
  readonly datapathProgram?: string;
}

const ALONE: ReadonlyMap<string, Case> = new Map(
  [FORWARDING, FORWARDING_XDP_SINKS, BARE_TCX, BARE_CLONE, BARE_REDIRECT, MIRRED, NFT_DUP, IPTABLES_TEE].map((each) => [
    each.id,
    each,
  ]),
);

/** The case `id` with `entries` loaded, where it has entries. */
export function caseOf(id: string, entries: number, context: CaseContext): Case {
  const alone = ALONE.get(id);
  if (alone) return alone;
  switch (id) {
    case "tc":
    case "xdp-tap":
    case "xdp-forward":
      return submirror(id, entries, context.objectDirectory, context.datapathProgram);
    case "mirred-vxlan-list":
      return mirredLinear(entries);
    case "mirred-vxlan-hash":
      return mirredHashed(entries);
    case "userspace":
      return userspaceMirror(context.userspaceProgram, context.secondCpu);
    default:
      throw new Error(`There is no case "${id}".`);
  }
}
