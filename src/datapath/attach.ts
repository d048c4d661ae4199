/** Programs on interfaces: which belong where, and how they are put there. */
import { type Attachment, BpfError, ClsactFilter, type Direction, features, Link, type LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import { programNames, tcxEntries } from "./chain.js";

export type XdpMode = "xdp-tap" | "xdp-forward";

export interface Hook {
  readonly program: string;
  readonly direction: Direction;
}

export type Role = "access" | "core" | "mediation" | "stack-out" | "stack-in" | "springboard";

/** In the order of attaching: each goes to the head of its chain, so the last one runs first. */
export function hooksOf(role: Role, hasLinkLayer: boolean, xdp?: XdpMode): readonly Hook[] {
  const suffix = hasLinkLayer ? "" : "_l3";
  switch (role) {
    case "access":
      // What XDP leaves of a tap's frames; they go nowhere from there, so there is no egress.
      if (xdp === "xdp-tap" && hasLinkLayer) return [{ program: "tap_ingress", direction: "ingress" }];
      return [
        { program: `access_ingress${suffix}`, direction: "ingress" },
        { program: `access_egress${suffix}`, direction: "egress" },
      ];
    case "mediation":
      return [{ program: `mediation_egress${suffix}`, direction: "egress" }];
    case "core":
      return [];
    case "stack-out":
      return [{ program: "stack_egress", direction: "egress" }];
    case "stack-in":
      return [{ program: "stack_ingress", direction: "ingress" }];
    case "springboard":
      return [{ program: "springboard_egress", direction: "egress" }];
  }
}

/** A program in its place. */
export interface Placed {
  readonly hook: Hook;
  readonly attachment: Attachment;
}

export type AttachMode = "tcx" | "clsact";

/**
 * tcx where the kernel has it, unless `wanted` says otherwise. Throws where tcx is wanted and not there. An answer that
 * is not conclusive is for attaching itself to give.
 */
export function attachMode(wanted: AttachMode | "auto"): AttachMode {
  if (wanted === "clsact") return "clsact";
  const { supported, conclusive } = features().tcx;
  if (supported || !conclusive) return "tcx";
  if (wanted === "auto") return "clsact";
  throw new Error("The kernel has no tcx (Linux 6.6 and later have it): set datapath.attach to auto or clsact.");
}

/** Of clsact filters: copies are recognised before anything could match them. */
export const PRIORITY: Readonly<Partial<Record<Role, number>>> = { mediation: 1, access: 2 };
/** Ours by its number, so that a filter that outlived its agent is replaced and not doubled. */
export const CLSACT_HANDLE = 0x73756201;

export function clsactFilter(object: LoadedObject, hook: Hook, role: Role, ifindex: number): ClsactFilter {
  const program = object.program(hook.program);
  const place = { ifindex, direction: hook.direction, priority: PRIORITY[role] ?? 1, handle: CLSACT_HANDLE };
  try {
    return program.attachClsact(place);
  } catch (error) {
    if (!(error instanceof BpfError) || error.code !== "EEXIST") throw error;
    const filter = new ClsactFilter(place);
    filter.update(program);
    return filter;
  }
}

/** Takes every clsact filter of ours off an interface, whoever put it there. Returns their number. */
export function removeClsactFilters(ifindex: number): number {
  let removed = 0;
  for (const direction of ["ingress", "egress"] as const)
    for (const priority of new Set([1, ...Object.values(PRIORITY)])) {
      const filter = new ClsactFilter({ ifindex, direction, priority, handle: CLSACT_HANDLE });
      if (filter.progId() === undefined) continue;
      takeOff(filter);
      removed += 1;
    }
  return removed;
}

/** tcx runs before clsact and may end the packet's way, so nothing could be promised. */
export function refuseBehindTcx({ ifindex, name }: NetworkLink, direction: Direction): void {
  const ahead = tcxEntries(ifindex, direction);
  if (ahead.length === 0) return;
  throw new Error(
    `tcx programs (${programNames(ahead).join(", ")}) are attached to the ${direction} of ${name}; tcx runs before clsact, which datapath.attach asks for, and may end a packet's way before it is seen: set datapath.attach to auto, or take those programs off ${name}.`,
  );
}

/** Takes a program off its hook, also where the interface is gone, and its attachments with it. */
export function takeOff(attachment: Attachment): void {
  try {
    attachment.detach();
  } catch {
    attachment.close();
  }
}

/** For a program whose interface is gone: its pin, which would name nothing, goes too. */
export function letGo(attachment: Attachment): void {
  if (attachment instanceof Link) attachment.unpin();
  attachment.close();
}

/**
 * Puts a program at the head of its tcx chain again. A program is in a chain once only, and each change of the chain
 * waits for a grace period of RCU; two stand-ins that do nothing keep both places, so that the program itself is away
 * for no more than the time between two system calls.
 */
export function moveFirst(object: LoadedObject, { hook, attachment }: Placed, ifindex: number): Placed {
  const program = object.program(hook.program);
  const place = { ifindex, direction: hook.direction, place: "first" } as const;
  const first = object.program("stand_in_first").attachTcx(place);
  try {
    attachment.update(object.program("stand_in_behind"));
    first.update(program);
  } catch (error) {
    takeOff(first);
    attachment.update(program);
    throw error;
  }
  const pinPath = attachment instanceof Link ? attachment.pinPath : undefined;
  takeOff(attachment);
  if (pinPath !== undefined) first.pin(pinPath);
  return { hook, attachment: first };
}
