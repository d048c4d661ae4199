/** What xdp-forward keeps in the kernel's maps, and its program on devices. */
import { type Attachment, BpfMap, type LoadedObject } from "libbpf-ts";
import { tagStripping } from "../net/ethtool.js";
import type { NetworkLink } from "../net/links.js";
import { takesRedirects } from "../net/xdp-features.js";
import { takeOff } from "./attach.js";
import type { DriverFacts } from "./forward-rules.js";
import type { FanOutPair, ForwardKernel } from "./forward-ways.js";
import type { Hooks } from "./hooks.js";
import { Limits } from "./layout.gen.js";
import { indexKey } from "./registers.js";
import { BpfDevmapVal, FanOutKey, VlanPlace, VlanWayOut, WayIn } from "./xdp-layout.gen.js";

export const NO_PROGRAM = -1;
const COPIES = Array.from({ length: Limits.MAX_COPIES }, (_, index) => index + 1);

export class ForwardMaps implements ForwardKernel {
  readonly #attachments = new Map<number, Attachment>();

  constructor(
    private readonly object: LoadedObject,
    private readonly hooks: Hooks,
    private readonly takes: (ifindex: number) => boolean = takesRedirects,
  ) {}

  attach(ifindex: number): void {
    this.#attachments.set(ifindex, this.hooks.attachXdp(this.object.program("xdp_forward"), ifindex));
  }

  detach(ifindex: number): void {
    const attachment = this.#attachments.get(ifindex);
    if (attachment) takeOff(attachment);
    this.#attachments.delete(ifindex);
  }

  setWayIn(place: VlanPlace, way: WayIn | undefined): void {
    if (place.vlan_id === 0 && place.device_ifindex < this.object.map("device_ways_in").maxEntries) {
      this.#setDeviceWayIn(place.device_ifindex, way);
      return;
    }
    const waysIn = this.object.map("ways_in");
    if (way) waysIn.update(VlanPlace.encode(place), WayIn.encode(way));
    else waysIn.delete(VlanPlace.encode(place));
  }

  /** A frame may be looked at meanwhile: what is in the row is whole before it has an ifindex, and has none before it changes. */
  #setDeviceWayIn(ifindex: number, way: WayIn | undefined): void {
    const rows = this.object.map("device_ways_in");
    const key = indexKey(ifindex);
    const before = rows.lookup(key);
    if (before) rows.update(key, WayIn.encode({ ...WayIn.decode(before), ifindex: 0 }));
    if (!way) return;
    rows.update(key, WayIn.encode({ ...way, ifindex: 0 }));
    rows.update(key, WayIn.encode(way));
  }

  setVlanWayOut(ifindex: number, way: VlanWayOut | undefined): void {
    const waysOut = this.object.map("vlan_ways_out");
    if (way) waysOut.update(indexKey(ifindex), VlanWayOut.encode(way));
    else waysOut.delete(indexKey(ifindex));
  }

  /** All numbers of copies at once: each update of a map of maps by itself waits for a grace period of RCU. */
  setFanOut(pair: FanOutPair, isThere: boolean): void {
    const fanOuts = this.object.map("fan_outs");
    const keys = COPIES.map((copies) =>
      FanOutKey.encode({
        way: pair.way,
        next_hop_ifindex: pair.nextHop,
        mediation_ifindex: pair.mediation,
        copies,
        reserved: 0,
      }),
    );
    if (!isThere) {
      for (const key of keys) fanOuts.delete(key);
      return;
    }
    const maps: BpfMap[] = [];
    try {
      for (const copies of COPIES) maps.push(this.#fanOut(pair, copies));
      const values = maps.map(({ fd }) => indexKey(fd));
      fanOuts.updateBatch(Buffer.concat(keys), Buffer.concat(values), keys.length);
    } finally {
      for (const map of maps) map.close();
    }
  }

  driverFacts({ ifindex, name }: NetworkLink): DriverFacts {
    return { redirectable: this.takes(ifindex), strips: tagStripping(name) };
  }

  /** Lets go of the programs; those that are pinned go on. */
  close(): void {
    for (const attachment of this.#attachments.values()) attachment.close();
  }

  /** The original first: its clone is made before those of the copies, which may fail. */
  #fanOut({ nextHop, mediation }: FanOutPair, copies: number): BpfMap {
    const map = BpfMap.create({
      type: "devmap_hash",
      name: "fan_out",
      keySize: 4,
      valueSize: BpfDevmapVal.size,
      maxEntries: copies + 1,
    });
    try {
      map.update(indexKey(0), devmapValue(nextHop, NO_PROGRAM));
      const value = devmapValue(mediation, this.object.program("xdp_copy").fd);
      for (let copy = 1; copy <= copies; copy++) map.update(indexKey(copy), value);
      return map;
    } catch (error) {
      map.close();
      throw error;
    }
  }
}

export function devmapValue(ifindex: number, program: number): Buffer {
  return BpfDevmapVal.encode({ ifindex, bpf_prog: program });
}
