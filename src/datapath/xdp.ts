/** The XDP modes: programs in front of the tc datapath, on its maps. */
import { join } from "node:path";
import { BpfObject, type LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import type { Role, XdpMode } from "./attach.js";
import { ForwardLayer } from "./forward.js";
import type { ForwardEvents } from "./forward-ways.js";
import type { Hooks } from "./hooks.js";
import { TapLayer } from "./tap.js";

export interface XdpLayer {
  readonly mode: XdpMode;
  /** An interface appeared, or something of it changed, whether it is in service or not. */
  linkChanged(link: NetworkLink): void;
  linkGone(ifindex: number): void;
  /** The kernel told of the interface, and nothing that is known of it changed: its offloads may have. */
  linkTold(ifindex: number): void;
  /** Takes the interface into service, or follows its roles and zone. May throw where its driver refuses XDP. */
  serve(link: NetworkLink, roles: readonly Role[], zone: number): void;
  withdraw(ifindex: number): void;
  /** Asks the drivers again what they can do. */
  look(): void;
  /** Lets go of the programs; those that are pinned go on. */
  close(): void;
}

/** The program that belongs on an interface of these roles, if any. */
export function xdpProgramOf(mode: XdpMode, roles: readonly Role[]): string | undefined {
  if (mode === "xdp-tap") return roles.includes("access") ? "xdp_tap" : undefined;
  return roles.includes("access") || roles.includes("core") ? "xdp_forward" : undefined;
}

function load(objectDirectory: string, shared: LoadedObject): LoadedObject {
  const spec = BpfObject.open(join(objectDirectory, "xdp.o"));
  const known = new Map(shared.maps.map((map) => [map.name, map]));
  for (const { name } of spec.maps) {
    const map = known.get(name);
    if (map) spec.reuseMap(name, map);
  }
  return spec.load();
}

export function openXdp(
  mode: XdpMode,
  objectDirectory: string,
  shared: LoadedObject,
  hooks: Hooks,
  events: ForwardEvents,
): XdpLayer {
  const object = load(objectDirectory, shared);
  return mode === "xdp-tap" ? new TapLayer(object, hooks) : new ForwardLayer(object, hooks, events);
}
