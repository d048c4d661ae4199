/** Programs on interfaces: which belong where, and how they are put there. */
import { type Direction, features } from "libbpf-ts";

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

/** tcx where the kernel has it. An answer that is not conclusive is for attaching itself to give. */
export function kernelHasTcx(): boolean {
  const { supported, conclusive } = features().tcx;
  return supported || !conclusive;
}
