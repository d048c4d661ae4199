/** tcx: an ordered chain of tc programs on an interface and direction (Linux 6.6). */
import { requireIfindex, requireInteger, U32_MAX } from "./bytes.js";
import { BpfError, BpfUsageError } from "./errors.js";
import { createLink, Link, type ProgramRef } from "./link.js";
import { Attributes, bpfResult } from "./sys/bpf.js";
import { ATTACH_TYPE, ATTR, COMMAND, ORDER_FLAG } from "./sys/uapi.js";

export type Direction = "ingress" | "egress";

/** A place in the chain: one's own link, or the id of any program or link that is in it. */
export type TcxAnchor = Link | number | { readonly progId: number } | { readonly linkId: number };

export type TcxPlace = "first" | "last" | { readonly before: TcxAnchor } | { readonly after: TcxAnchor };

export interface TcxOptions {
  readonly ifindex: number;
  readonly direction: Direction;
  /** `last` unless given. A number as an anchor is a program id. */
  readonly place?: TcxPlace;
  /** Fails with ESTALE where the chain changed since `queryTcx` gave this revision. */
  readonly expectedRevision?: bigint;
}

export interface TcxEntry {
  readonly progId: number;
  /** 0 where the program was attached without a link. */
  readonly linkId: number;
}

export interface TcxChain {
  /** In the order in which they run. */
  readonly entries: readonly TcxEntry[];
  /** Counts the changes of the chain. */
  readonly revision: bigint;
}

function attachType(direction: Direction): number {
  if (direction === "ingress") return ATTACH_TYPE.TCX_INGRESS;
  if (direction === "egress") return ATTACH_TYPE.TCX_EGRESS;
  throw new BpfUsageError(`direction: "ingress" or "egress" expected`);
}

const REMEDIES = {
  EINVAL: "the kernel may lack tcx (Linux 6.6 has it): use attachClsact there",
  EEXIST: "the program is in this chain already",
  ENOENT: "the anchor is not in this chain",
  ESTALE: "the chain changed since it was queried: query it again",
};

export function attachTcx(program: ProgramRef, options: TcxOptions): Link {
  requireIfindex(options.ifindex);
  const { flags, relative } = resolvePlace(options.place ?? "last");
  const request = {
    program,
    ifindex: options.ifindex,
    attachType: attachType(options.direction),
    flags,
    what: `tcx ${options.direction} link on interface ${options.ifindex}`,
    remedies: REMEDIES,
  };
  return createLink(request, (attributes) => {
    attributes.u32(ATTR.link_create["tcx.relative_fd"], relative);
    if (options.expectedRevision !== undefined) {
      attributes.u64(ATTR.link_create["tcx.expected_revision"], options.expectedRevision);
    }
  });
}

function resolvePlace(place: TcxPlace): { flags: number; relative: number } {
  if (place === "first") return { flags: ORDER_FLAG.BEFORE, relative: 0 };
  if (place === "last") return { flags: ORDER_FLAG.AFTER, relative: 0 };
  if ("before" in place) return resolveAnchor(place.before, ORDER_FLAG.BEFORE);
  return resolveAnchor(place.after, ORDER_FLAG.AFTER);
}

function resolveAnchor(anchor: TcxAnchor, order: number): { flags: number; relative: number } {
  if (anchor instanceof Link) return { flags: order | ORDER_FLAG.LINK, relative: anchor.fd };
  const isLink = typeof anchor === "object" && "linkId" in anchor;
  const id = typeof anchor === "number" ? anchor : isLink ? anchor.linkId : anchor.progId;
  requireInteger(id, 1, U32_MAX, isLink ? "link id of the anchor" : "program id of the anchor");
  return { flags: order | ORDER_FLAG.ID | (isLink ? ORDER_FLAG.LINK : 0), relative: id };
}

/** The chain on an interface. Throws BpfError with EINVAL where the kernel has no tcx. */
export function queryTcx(ifindex: number, direction: Direction): TcxChain {
  requireIfindex(ifindex);
  let room = 16;
  for (;;) {
    const chain = queryInto(ifindex, direction, room);
    if (chain !== undefined) return chain;
    room *= 2;
  }
}

const ENOSPC = 28;
const U32_BYTES = 4;

/** Undefined where the chain is longer than `room`. */
function queryInto(ifindex: number, direction: Direction, room: number): TcxChain | undefined {
  const progIds = Buffer.alloc(room * U32_BYTES);
  const linkIds = Buffer.alloc(room * U32_BYTES);
  const at = ATTR.query;
  const attributes = new Attributes()
    .u32(at.target_ifindex, ifindex)
    .u32(at.attach_type, attachType(direction))
    .pointer(at.prog_ids, progIds)
    .pointer(at.link_ids, linkIds)
    .u32(at.count, room);
  const result = bpfResult(COMMAND.PROG_QUERY, attributes);
  if (result === -ENOSPC) return undefined;
  if (result < 0)
    throw new BpfError(`query of the tcx ${direction} chain on interface ${ifindex}`, -result, { remedies: REMEDIES });
  const count = attributes.bytes.readUInt32LE(at.count);
  const entries = Array.from({ length: count }, (_, index) => ({
    progId: progIds.readUInt32LE(index * U32_BYTES),
    linkId: linkIds.readUInt32LE(index * U32_BYTES),
  }));
  return { entries, revision: attributes.bytes.readBigUInt64LE(at.revision) };
}
