/** The XDP modes: programs in front of the tc datapath, on its maps. */
import { join } from "node:path";
import { type Attachment, BpfMap, BpfObject, type LoadedObject } from "libbpf-ts";
import type { NetworkLink } from "../net/links.js";
import { takesRedirects } from "../net/xdp-features.js";
import type { Role, XdpMode } from "./attach.js";
import type { Hooks } from "./hooks.js";
import { Direction, Limits } from "./layout.gen.js";
import { indexKey } from "./registers.js";
import { BpfDevmapVal, FanOutKey } from "./xdp-layout.gen.js";

interface XdpInterface {
  readonly ifindex: number;
  readonly roles: readonly Role[];
  /** False where the driver does not send frames that XDP redirects: nothing may be redirected there. */
  readonly redirectable: boolean;
}

const NO_PROGRAM = -1;

/** The program that belongs on an interface of these roles, if any. */
export function xdpProgramOf(mode: XdpMode, roles: readonly Role[]): string | undefined {
  if (mode === "xdp-tap") return roles.includes("access") ? "xdp_tap" : undefined;
  const isAccess = roles.includes("access");
  const isCore = roles.includes("core");
  // On an interface that is both, XDP could not tell the directions apart; tc can.
  if (isAccess === isCore) return undefined;
  return isAccess ? "xdp_forward_access" : "xdp_forward_core";
}

export class XdpLayer implements Disposable {
  readonly #object: LoadedObject;
  readonly #interfaces = new Map<number, XdpInterface>();
  readonly #attachments = new Map<number, Attachment>();

  constructor(
    readonly mode: XdpMode,
    objectDirectory: string,
    shared: LoadedObject,
    private readonly hooks: Hooks,
    private readonly takes: (ifindex: number) => boolean = takesRedirects,
  ) {
    const spec = BpfObject.open(join(objectDirectory, "xdp.o"));
    const known = new Map(shared.maps.map((map) => [map.name, map]));
    for (const { name } of spec.maps) {
      const map = known.get(name);
      if (map) spec.reuseMap(name, map);
    }
    this.#object = spec.load();
  }

  /** Takes the interface into service. Throws where its driver refuses XDP. */
  attach({ ifindex }: Pick<NetworkLink, "ifindex">, roles: readonly Role[]): void {
    const program = xdpProgramOf(this.mode, roles);
    if (program !== undefined)
      this.#attachments.set(ifindex, this.hooks.attachXdp(this.#object.program(program), ifindex));
    this.#follow({ ifindex, roles, redirectable: this.takes(ifindex) });
  }

  /** Asks the drivers again what they send: it changes with the programs and offloads at the other end of a veth. */
  followFeatures(): void {
    for (const known of this.#interfaces.values()) {
      const takes = this.takes(known.ifindex);
      if (takes !== known.redirectable) this.#follow({ ...known, redirectable: takes });
    }
  }

  detach(ifindex: number): void {
    const link = this.#interfaces.get(ifindex);
    if (!link) return;
    this.#follow({ ...link, redirectable: false });
    this.#interfaces.delete(ifindex);
    this.#attachments.get(ifindex)?.detach();
    this.#attachments.delete(ifindex);
  }

  close(): void {
    for (const attachment of this.#attachments.values()) attachment.close();
    this.#object.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #follow(link: XdpInterface): void {
    this.#interfaces.set(link.ifindex, link);
    this.#setPort(link);
    this.#rebuildFanOuts(link);
  }

  #setPort({ ifindex, roles, redirectable }: XdpInterface): void {
    const ports = this.#object.map("mediation_ports");
    if (roles.includes("mediation") && redirectable) ports.update(indexKey(ifindex), devmapValue(ifindex));
    else ports.delete(indexKey(ifindex));
  }

  /** Every pair of ways that `changed` is part of. */
  #rebuildFanOuts(changed: XdpInterface): void {
    if (this.mode !== "xdp-forward") return;
    for (const other of this.#interfaces.values()) {
      this.#rebuildPair(changed, other);
      if (other.ifindex !== changed.ifindex) this.#rebuildPair(other, changed);
    }
  }

  #rebuildPair(nextHop: XdpInterface, mediation: XdpInterface): void {
    if (!mediation.roles.includes("mediation")) return;
    // The kernel may run the copies' program on all frames that leave by the interface, originals included.
    const copiesOnly = directionsTowards(mediation).length === 0;
    const usable = nextHop.redirectable && mediation.redirectable && copiesOnly;
    for (const direction of directionsTowards(nextHop))
      this.#setFanOut(direction, nextHop.ifindex, mediation.ifindex, usable);
  }

  #setFanOut(direction: number, nextHop: number, mediation: number, usable: boolean): void {
    const fanOuts = this.#object.map("fan_outs");
    const key = FanOutKey.encode({ direction, next_hop_ifindex: nextHop, mediation_ifindex: mediation });
    if (!usable) {
      fanOuts.delete(key);
      return;
    }
    using map = BpfMap.create({
      type: "devmap_hash",
      name: "fan_out",
      keySize: 4,
      valueSize: BpfDevmapVal.size,
      maxEntries: Limits.MAX_COPIES,
    });
    map.update(indexKey(0), devmapValue(nextHop));
    map.update(indexKey(1), devmapValue(mediation, this.#object.program("xdp_copy").fd));
    fanOuts.update(key, indexKey(map.fd));
  }
}

/** Packets from subscribers leave by core interfaces, packets to them by access interfaces. */
function directionsTowards({ roles }: XdpInterface): number[] {
  const directions: number[] = [];
  if (roles.includes("core")) directions.push(Direction.DIRECTION_FROM);
  if (roles.includes("access")) directions.push(Direction.DIRECTION_TO);
  return directions;
}

function devmapValue(ifindex: number, program = NO_PROGRAM): Buffer {
  const value = Buffer.alloc(BpfDevmapVal.size);
  value.writeUInt32LE(ifindex, 0);
  value.writeInt32LE(program, 4);
  return value;
}
