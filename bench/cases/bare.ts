/** Forwarding alone, and the least that a mirror in eBPF must do: the bounds of what ours can reach. */
import type { Link } from "libbpf-ts";
import { CopyKind } from "../layout.gen.js";
import { ACCESS, type Counting, ifindexOf, MEDIATION, type Rig } from "../rig.js";
import type { Case } from "./case.js";

const ZERO = Buffer.alloc(4);

function forwarding(id: string, title: string, counting: Counting): Case {
  const setUp = (): undefined => undefined;
  const copyKind = CopyKind.COPY_BARE;
  return { id, title, entries: 0, counting, copyKind, forwards: true, mirrors: false, setUp };
}

function pointAtMediation(rig: Rig, map: "bare_targets" | "bare_outlets"): void {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(ifindexOf(MEDIATION));
  rig.object.map(map).update(ZERO, value);
}

function closing(link: Link): () => void {
  return () => link.close();
}

export const FORWARDING = forwarding("forwarding", "plain forwarding", "tc");
/** The same with the sinks of the XDP cases, to compare those with. */
export const FORWARDING_XDP_SINKS = forwarding("forwarding-xdp-sinks", "plain forwarding, XDP sinks", "xdp");

export const BARE_TCX: Case = {
  id: "bare-tcx",
  title: "plain forwarding, empty tcx program",
  entries: 0,
  counting: "tc",
  copyKind: CopyKind.COPY_BARE,
  forwards: true,
  mirrors: false,
  setUp(rig) {
    const ifindex = ifindexOf(ACCESS);
    return closing(rig.object.program("bare_nothing").attachTcx({ ifindex, direction: "ingress" }));
  },
};

export const BARE_CLONE: Case = {
  id: "bare-clone",
  title: "bare bpf_clone_redirect, no encapsulation",
  entries: 0,
  counting: "tc",
  copyKind: CopyKind.COPY_BARE,
  forwards: true,
  mirrors: true,
  setUp(rig) {
    pointAtMediation(rig, "bare_targets");
    const ifindex = ifindexOf(ACCESS);
    return closing(rig.object.program("bare_clone").attachTcx({ ifindex, direction: "ingress" }));
  },
};

export const BARE_REDIRECT: Case = {
  id: "bare-redirect",
  title: "bare XDP redirect, no encapsulation",
  entries: 0,
  counting: "xdp",
  copyKind: CopyKind.COPY_BARE,
  forwards: false,
  mirrors: true,
  setUp(rig) {
    pointAtMediation(rig, "bare_outlets");
    return closing(rig.object.program("bare_redirect").attachXdp({ ifindex: ifindexOf(ACCESS), mode: "native" }));
  },
};
