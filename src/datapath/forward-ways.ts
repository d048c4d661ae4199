/**
 * Keeps what xdp-forward knows of the interfaces in the kernel: which frames come in for which interface, how packets
 * leave by a VLAN interface, between which devices originals and copies are sent, and on which devices the program is.
 */
import type { NetworkLink } from "../net/links.js";
import type { Role } from "./attach.js";
import {
  type DeviceFacts,
  type DriverFacts,
  directionsOut,
  forwards,
  type InterfaceFacts,
  isVlan,
  obstacleIn,
  obstacleOut,
  obstacleOutOfVlan,
  vlanWayOut,
  wayIn,
} from "./forward-rules.js";
import { Direction } from "./layout.gen.js";
import { Written } from "./written.js";
import { FanOutWay, type VlanPlace, type VlanWayOut, type WayIn } from "./xdp-layout.gen.js";

/** Originals that leave by one device, and their copies by another. */
export interface FanOutPair {
  readonly way: FanOutWay;
  readonly nextHop: number;
  readonly mediation: number;
}

export interface ForwardKernel {
  /** Puts the program on a device. Throws where the driver refuses. */
  attach(ifindex: number): void;
  detach(ifindex: number): void;
  setWayIn(place: VlanPlace, way: WayIn | undefined): void;
  setVlanWayOut(ifindex: number, way: VlanWayOut | undefined): void;
  setFanOut(pair: FanOutPair, isThere: boolean): void;
  /** Asks the driver. */
  driverFacts(link: NetworkLink): DriverFacts;
}

export interface ForwardEvents {
  /** `reason` is one sentence, told again when it is another one. */
  leftToTc(name: string, reason: string): void;
}

interface Device {
  /** As they were when the device was last looked at; undefined: the interface is not there. */
  facts: DeviceFacts | undefined;
  /** VLAN interfaces on it. */
  readonly vlans: Map<number, VlanUse>;
  hasProgram: boolean;
  /** Why the driver does not take the program. */
  refused: string | undefined;
}

interface VlanUse {
  readonly place: VlanPlace;
  comesIn: boolean;
  leaves: boolean;
  isWanted: boolean;
}

function some({ vlans }: Device, what: "comesIn" | "leaves" | "isWanted"): boolean {
  for (const use of vlans.values()) if (use[what]) return true;
  return false;
}

/** What no interface changes in its life. */
function placeOf(link: NetworkLink): string {
  return isVlan(link) ? `${link.vlanId} on ${link.lower}` : "device";
}

export class ForwardWays {
  readonly #interfaces = new Map<number, InterfaceFacts>();
  readonly #devices = new Map<number, Device>();
  readonly #told = new Map<number, string>();
  readonly #waysIn: Written<VlanPlace, WayIn>;
  readonly #waysOut: Written<number, VlanWayOut>;
  readonly #fanOuts: Written<FanOutPair, true>;

  constructor(
    private readonly kernel: ForwardKernel,
    private readonly events: ForwardEvents,
  ) {
    this.#waysIn = new Written((place, way) => kernel.setWayIn(place, way));
    this.#waysOut = new Written((ifindex, way) => kernel.setVlanWayOut(ifindex, way));
    this.#fanOuts = new Written((pair, isThere) => kernel.setFanOut(pair, isThere ?? false));
  }

  linkChanged(link: NetworkLink): void {
    if (!link.hasLinkLayer) return;
    const device = this.#devices.get(link.ifindex);
    if (device) device.refused = undefined;
    this.#set({ roles: [], zone: 0, ...this.#interfaces.get(link.ifindex), link });
  }

  linkGone(ifindex: number): void {
    const gone = this.#interfaces.get(ifindex);
    this.#interfaces.delete(ifindex);
    this.#told.delete(ifindex);
    if (gone && isVlan(gone.link)) this.#dropVlan(gone.link);
    else this.#settleDevice(ifindex);
  }

  /** The interface is in service. */
  serve(link: NetworkLink, roles: readonly Role[], zone: number): void {
    this.#set({ link, roles, zone });
  }

  withdraw(ifindex: number): void {
    const known = this.#interfaces.get(ifindex);
    if (known) this.#set({ ...known, roles: [], zone: 0 });
  }

  /** Asks the driver again: offloads change, and what a veth sends does with the programs at its other end. */
  look(ifindex: number): void {
    if (this.#devices.has(ifindex)) this.#settleDevice(ifindex);
  }

  /** Those that `look` is for. */
  devices(): number[] {
    return [...this.#devices.keys()];
  }

  #set(facts: InterfaceFacts): void {
    const { link, roles } = facts;
    const before = this.#interfaces.get(link.ifindex);
    // The number is another interface's by now.
    if (before && placeOf(before.link) !== placeOf(link)) this.linkGone(link.ifindex);
    this.#interfaces.set(link.ifindex, facts);
    if (isVlan(link)) this.#settleVlan(facts);
    else if (roles.length > 0 || this.#devices.has(link.ifindex)) this.#settleDevice(link.ifindex);
  }

  #device(ifindex: number): Device {
    let device = this.#devices.get(ifindex);
    if (!device) {
      device = { facts: undefined, vlans: new Map(), hasProgram: false, refused: undefined };
      this.#devices.set(ifindex, device);
    }
    return device;
  }

  #settleVlan({ link }: InterfaceFacts): void {
    const { lower, ifindex, vlanId = 0 } = link;
    if (lower === undefined) return;
    const device = this.#device(lower);
    const isFirst = device.vlans.size === 0;
    if (!device.vlans.has(ifindex)) {
      const place = { device_ifindex: lower, vlan_id: vlanId };
      device.vlans.set(ifindex, { place, comesIn: false, leaves: false, isWanted: false });
    }
    // The first one decides what the device is taken for.
    if (isFirst) this.#settleDevice(lower);
    else if (this.#setVlan(device, ifindex)) this.#settleUse(lower, device);
  }

  #dropVlan({ ifindex, lower = 0 }: NetworkLink): void {
    const device = this.#devices.get(lower);
    if (!device?.vlans.has(ifindex)) return;
    this.#setVlan(device, ifindex);
    device.vlans.delete(ifindex);
    this.#settleDevice(lower);
  }

  /** Writes what is to be there for a VLAN interface. True where the device is used in another way by it. */
  #setVlan({ facts, vlans }: Device, ifindex: number): boolean {
    const vlan = this.#interfaces.get(ifindex);
    const use = vlans.get(ifindex);
    if (!use) return false;
    const before = { ...use };
    const into = facts && vlan && wayIn(facts, vlan);
    const out = facts && vlan && vlanWayOut(facts, vlan);
    if (use.place.vlan_id !== 0) this.#waysIn.set(use.place, into);
    this.#waysOut.set(ifindex, out);
    use.comesIn = into !== undefined;
    use.leaves = out !== undefined;
    use.isWanted = facts !== undefined && vlan !== undefined && forwards([...facts.roles, ...vlan.roles]);
    if (vlan) this.#tell(vlan.link, use.isWanted ? obstacleOutOfVlan(vlan) : undefined);
    return before.comesIn !== use.comesIn || before.leaves !== use.leaves || before.isWanted !== use.isWanted;
  }

  #settleDevice(ifindex: number): void {
    const device = this.#device(ifindex);
    const known = this.#interfaces.get(ifindex);
    const before = JSON.stringify(device.facts);
    device.facts =
      known && !isVlan(known.link)
        ? { ...known, ...this.kernel.driverFacts(known.link), carriesVlans: device.vlans.size > 0 }
        : undefined;
    if (JSON.stringify(device.facts) !== before) for (const vlan of device.vlans.keys()) this.#setVlan(device, vlan);
    this.#settleUse(ifindex, device);
    const isInUse = device.vlans.size > 0 || (known?.roles.length ?? 0) > 0;
    if (!isInUse) this.#devices.delete(ifindex);
  }

  /** What a device is to its own packets, to those of its VLANs and to copies. */
  #settleUse(ifindex: number, device: Device): void {
    const { facts } = device;
    const into = facts && wayIn(facts);
    this.#waysIn.set({ device_ifindex: ifindex, vlan_id: 0 }, into);
    this.#settleFanOuts(ifindex);
    this.#settleProgram(ifindex, device, into !== undefined);
    if (facts) this.#tell(facts.link, this.#reasonOf(device, facts));
  }

  #reasonOf(device: Device, facts: DeviceFacts): string | undefined {
    const isWanted = forwards(facts.roles) || some(device, "isWanted");
    const into = isWanted ? (obstacleIn(facts) ?? device.refused) : undefined;
    const sends = isWanted || facts.roles.includes("mediation");
    return into ?? (sends ? obstacleOut(facts, isWanted) : undefined);
  }

  #settleProgram(ifindex: number, device: Device, comesIn: boolean): void {
    const isNeeded = comesIn || some(device, "comesIn");
    if (isNeeded && !device.hasProgram && device.refused === undefined) this.#attach(ifindex, device);
    if (isNeeded || !device.hasProgram) return;
    device.hasProgram = false;
    this.kernel.detach(ifindex);
  }

  #attach(ifindex: number, device: Device): void {
    try {
      this.kernel.attach(ifindex);
      device.hasProgram = true;
    } catch (error) {
      device.refused = `its driver does not take an XDP program: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Every pair of devices that `changed` is part of. */
  #settleFanOuts(changed: number): void {
    for (const other of this.#devices.keys()) {
      this.#settlePair(changed, other);
      if (other !== changed) this.#settlePair(other, changed);
    }
  }

  #settlePair(nextHop: number, mediation: number): void {
    const ways = this.#waysBy(nextHop);
    const isMediation = this.#takesCopiesAlone(mediation);
    for (const way of Object.values(FanOutWay))
      this.#fanOuts.set({ way, nextHop, mediation }, (isMediation && ways.has(way)) || undefined);
  }

  /** The kernel may run the copies' program on all frames that leave by a device: no original may be among them. */
  #takesCopiesAlone(ifindex: number): boolean {
    const facts = this.#devices.get(ifindex)?.facts;
    if (!facts?.redirectable || !facts.roles.includes("mediation")) return false;
    return this.#waysBy(ifindex).size === 0;
  }

  /** What leaves by a device. */
  #waysBy(ifindex: number): Set<FanOutWay> {
    const ways = new Set<FanOutWay>();
    const device = this.#devices.get(ifindex);
    if (!device?.facts?.redirectable) return ways;
    const directions = directionsOut(device.facts.roles);
    if (directions & (1 << Direction.DIRECTION_FROM)) ways.add(FanOutWay.FAN_OUT_FROM);
    if (directions & (1 << Direction.DIRECTION_TO)) ways.add(FanOutWay.FAN_OUT_TO);
    if (some(device, "leaves")) ways.add(FanOutWay.FAN_OUT_TAGGED);
    return ways;
  }

  #tell({ ifindex, name }: NetworkLink, reason: string | undefined): void {
    if (this.#told.get(ifindex) === reason) return;
    if (reason === undefined) {
      this.#told.delete(ifindex);
      return;
    }
    this.#told.set(ifindex, reason);
    this.events.leftToTc(name, reason);
  }
}
