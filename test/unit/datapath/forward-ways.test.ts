import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Role } from "../../../src/datapath/attach.js";
import type { DriverFacts } from "../../../src/datapath/forward-rules.js";
import { type FanOutPair, type ForwardKernel, ForwardWays } from "../../../src/datapath/forward-ways.js";
import { FanOutWay, type VlanPlace, type VlanWayOut, type WayIn } from "../../../src/datapath/xdp-layout.gen.js";
import type { NetworkLink } from "../../../src/net/links.js";

const ACC = 2;
const CORE = 3;
const MED = 4;
const VLAN = 10;
const MAC = "02:00:5e:10:00:01";
const NAMES: Readonly<Record<number, string>> = { [ACC]: "acc0", [CORE]: "core0", [MED]: "med0" };
const CARD: DriverFacts = { redirectable: true, strips: [] };

function device(ifindex: number, more: Partial<NetworkLink> = {}): NetworkLink {
  return {
    ifindex,
    name: NAMES[ifindex] ?? `if${ifindex}`,
    hasLinkLayer: true,
    mac: MAC,
    mtu: 1500,
    up: true,
    ...more,
  };
}

function vlan(ifindex: number, lower: number, vlanId: number, more: Partial<NetworkLink> = {}): NetworkLink {
  return device(ifindex, { name: `${NAMES[lower]}.${vlanId}`, kind: "vlan", lower, vlanId, ...more });
}

/** What the kernel has, as text. */
class FakeKernel implements ForwardKernel {
  readonly programs = new Set<number>();
  readonly waysIn = new Map<string, WayIn>();
  readonly waysOut = new Map<number, VlanWayOut>();
  readonly fanOuts = new Set<string>();
  readonly drivers = new Map<number, DriverFacts>();
  readonly refuses = new Set<number>();
  writes = 0;

  attach(ifindex: number): void {
    if (this.refuses.has(ifindex)) throw new Error("Operation not supported");
    assert.ok(!this.programs.has(ifindex), "attached twice");
    this.programs.add(ifindex);
  }

  detach(ifindex: number): void {
    assert.ok(this.programs.delete(ifindex), "detached without being attached");
  }

  setWayIn({ device_ifindex, vlan_id }: VlanPlace, way: WayIn | undefined): void {
    this.writes++;
    const key = `${device_ifindex}.${vlan_id}`;
    if (way) this.waysIn.set(key, way);
    else this.waysIn.delete(key);
  }

  setVlanWayOut(ifindex: number, way: VlanWayOut | undefined): void {
    this.writes++;
    if (way) this.waysOut.set(ifindex, way);
    else this.waysOut.delete(ifindex);
  }

  setFanOut({ way, nextHop, mediation }: FanOutPair, isThere: boolean): void {
    this.writes++;
    const name = Object.entries(FanOutWay)
      .find(([, value]) => value === way)?.[0]
      .replace("FAN_OUT_", "")
      .toLowerCase();
    const text = `${name} ${NAMES[nextHop]} + ${NAMES[mediation]}`;
    if (isThere) this.fanOuts.add(text);
    else this.fanOuts.delete(text);
  }

  driverFacts({ ifindex }: NetworkLink): DriverFacts {
    return this.drivers.get(ifindex) ?? CARD;
  }

  /** Which frames come in for which interface, and in which direction. */
  ins(): Record<string, string> {
    const entries = [...this.waysIn].map(([key, way]) => [
      key,
      `${way.direction === 0 ? "from" : "to"} ${way.ifindex}`,
    ]);
    return Object.fromEntries(entries) as Record<string, string>;
  }
}

describe("xdp-forward's ways", () => {
  let kernel: FakeKernel;
  let ways: ForwardWays;
  let told: string[];

  function take(link: NetworkLink, roles: readonly Role[], zone = 0): void {
    ways.linkChanged(link);
    ways.serve(link, roles, zone);
  }

  beforeEach(() => {
    kernel = new FakeKernel();
    told = [];
    ways = new ForwardWays(kernel, { leftToTc: (name, reason) => told.push(`${name}: ${reason}`) });
  });

  function takeAll(): void {
    take(device(ACC), ["access"]);
    take(device(CORE), ["core"]);
    take(device(MED), ["mediation"]);
  }

  test("devices without VLANs", () => {
    takeAll();
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "3.0": `to ${CORE}` });
    assert.deepEqual([...kernel.programs], [ACC, CORE]);
    assert.deepEqual([...kernel.fanOuts].toSorted(), ["from core0 + med0", "to acc0 + med0"]);
    assert.deepEqual(told, []);
    assert.deepEqual(kernel.waysIn.get("2.0")?.mac, [0x0200, 0x5e10, 0x0001]);
  });

  test("what is taken out of service leaves nothing behind", () => {
    takeAll();
    take(vlan(VLAN, ACC, 100), ["access"]);
    for (const ifindex of [VLAN, ACC, CORE, MED]) ways.withdraw(ifindex);
    assert.deepEqual([kernel.ins(), [...kernel.waysOut], [...kernel.fanOuts], [...kernel.programs]], [{}, [], [], []]);
  });

  test("what vanishes leaves nothing behind", () => {
    takeAll();
    take(vlan(VLAN, ACC, 100), ["access"]);
    for (const ifindex of [ACC, VLAN, CORE, MED]) ways.linkGone(ifindex);
    assert.deepEqual([kernel.ins(), [...kernel.waysOut], [...kernel.fanOuts], [...kernel.programs]], [{}, [], [], []]);
  });

  test("the configuration names the VLAN interface: the program is on its device, whose own frames are nobody's", () => {
    ways.linkChanged(device(ACC));
    take(vlan(VLAN, ACC, 100), ["access"], 7);
    take(device(MED), ["mediation"]);
    assert.deepEqual(kernel.ins(), { "2.100": `from ${VLAN}` });
    assert.equal(kernel.waysIn.get("2.100")?.zone, 7);
    assert.deepEqual([...kernel.programs], [ACC]);
    assert.deepEqual(kernel.waysOut.get(VLAN), { device_ifindex: ACC, vlan_id: 100, directions: 2, zone: 7 });
    assert.deepEqual([...kernel.fanOuts], ["tagged acc0 + med0"]);
  });

  test("the device names come behind the VLANs'", () => {
    take(vlan(VLAN, ACC, 100), ["access"]);
    assert.deepEqual([kernel.ins(), [...kernel.programs]], [{}, []]);
    ways.linkChanged(device(ACC));
    assert.deepEqual([kernel.ins(), [...kernel.programs]], [{ "2.100": `from ${VLAN}` }, [ACC]]);
  });

  test("the configuration names the device: its VLANs are mirrored with it, in its zone", () => {
    take(device(ACC), ["access"], 5);
    ways.linkChanged(vlan(VLAN, ACC, 100));
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "2.100": `from ${VLAN}` });
    assert.equal(kernel.waysIn.get("2.100")?.zone, 5);
    assert.equal(kernel.waysOut.get(VLAN)?.zone, 5);
  });

  test("the configuration names both: one way in, unless they are in two zones", () => {
    take(device(ACC), ["access"], 5);
    take(vlan(VLAN, ACC, 100), ["access"], 5);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "2.100": `from ${VLAN}` });
    take(vlan(VLAN, ACC, 100), ["access"], 6);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}` });
    assert.equal(kernel.waysOut.size, 0);
  });

  test("access and core VLANs on one device", () => {
    ways.linkChanged(device(ACC));
    take(vlan(VLAN, ACC, 100), ["access"]);
    take(vlan(VLAN + 1, ACC, 200), ["core"]);
    take(device(MED), ["mediation"]);
    assert.deepEqual(kernel.ins(), { "2.100": `from ${VLAN}`, "2.200": `to ${VLAN + 1}` });
    assert.deepEqual(
      [...kernel.waysOut.values()].map(({ directions }) => directions),
      [2, 1],
    );
    assert.deepEqual([...kernel.fanOuts], ["tagged acc0 + med0"]);
  });

  test("a device that is both tells no directions apart", () => {
    take(device(ACC), ["access", "core"]);
    ways.linkChanged(vlan(VLAN, ACC, 100));
    assert.deepEqual([kernel.ins(), [...kernel.programs]], [{}, []]);
    assert.match(told.join(), /^acc0: acc0 is an access and a core interface at once/);
  });

  for (const [what, more] of [
    ["is down", { up: false }],
    ["is an 802.1ad one", { vlanId: undefined }],
    ["keeps its tag", { vlanKeepsTag: true }],
    ["is in a bridge", { master: 9, masterKind: "bridge" }],
  ] as const)
    test(`a VLAN that ${what}: nothing of it, while the device's own frames are forwarded`, () => {
      take(device(ACC), ["access"]);
      const { vlanId, ...others } = { ...vlan(VLAN, ACC, 100), ...more };
      take(vlanId === undefined ? others : { ...others, vlanId }, ["access"]);
      assert.deepEqual([kernel.ins(), kernel.waysOut.size], [{ "2.0": `from ${ACC}` }, 0]);
    });

  test("a VLAN that maps priorities: comes in, and does not leave", () => {
    take(device(ACC), ["access"]);
    take(vlan(VLAN, ACC, 100, { vlanMapsPriority: true }), ["access"]);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "2.100": `from ${VLAN}` });
    assert.equal(kernel.waysOut.size, 0);
    assert.match(told.join(), /^acc0\.100: acc0\.100 maps priorities to its tags/);
  });

  test("a VLAN goes down and comes up, is renamed, goes and comes again under another number", () => {
    take(device(ACC), ["access"]);
    const link = vlan(VLAN, ACC, 100);
    take(link, ["access"]);
    ways.linkChanged({ ...link, up: false });
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}` });
    ways.linkChanged(link);
    ways.linkChanged({ ...link, name: "cust7" });
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "2.100": `from ${VLAN}` });
    ways.withdraw(VLAN);
    ways.linkGone(VLAN);
    take(vlan(VLAN + 1, ACC, 100), ["access"]);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "2.100": `from ${VLAN + 1}` });
  });

  test("a number that another interface has by now", () => {
    ways.linkChanged(device(ACC));
    take(vlan(VLAN, ACC, 100), ["access"]);
    ways.linkChanged(vlan(VLAN, ACC, 200));
    assert.deepEqual(kernel.ins(), { "2.200": `from ${VLAN}` });
    ways.linkChanged(device(VLAN));
    assert.deepEqual(kernel.ins(), { [`${VLAN}.0`]: `from ${VLAN}` });
  });

  test("a card that takes tags off: nothing that comes in by it, with the remedy, until it does no more", () => {
    kernel.drivers.set(ACC, { redirectable: true, strips: ["rxvlan", "rx-vlan-stag-hw-parse"] });
    takeAll();
    take(vlan(VLAN, ACC, 100), ["access"]);
    assert.deepEqual(kernel.ins(), { "3.0": `to ${CORE}` });
    assert.deepEqual([...kernel.programs], [CORE]);
    assert.deepEqual(told, [
      "acc0: acc0 takes VLAN tags off frames before XDP sees them: ethtool -K acc0 rxvlan off rx-vlan-stag-hw-parse off",
    ]);
    // What leaves by it is not concerned.
    assert.deepEqual([...kernel.fanOuts].toSorted(), ["from core0 + med0", "tagged acc0 + med0", "to acc0 + med0"]);
    kernel.drivers.set(ACC, CARD);
    ways.look(ACC);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}`, "3.0": `to ${CORE}`, "2.100": `from ${VLAN}` });
    kernel.drivers.set(ACC, { redirectable: true, strips: ["rxvlan"] });
    ways.look(ACC);
    assert.deepEqual(kernel.ins(), { "3.0": `to ${CORE}` });
    assert.equal(told.length, 2);
  });

  test("a card of which it is not known", () => {
    kernel.drivers.set(ACC, { redirectable: true, strips: undefined });
    take(device(ACC), ["access"]);
    assert.deepEqual([kernel.ins(), told.length], [{}, 1]);
  });

  test("a veth: forwarded until a VLAN stands on it", () => {
    kernel.drivers.set(ACC, { redirectable: true, strips: ["rxvlan"] });
    take(device(ACC, { kind: "veth" }), ["access"]);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}` });
    ways.linkChanged(vlan(VLAN, ACC, 100));
    assert.deepEqual(kernel.ins(), {});
    ways.linkGone(VLAN);
    assert.deepEqual(kernel.ins(), { "2.0": `from ${ACC}` });
  });

  for (const [masterKind, isServed] of [
    ["vrf", true],
    ["bridge", false],
    ["bond", false],
    [undefined, false],
  ] as const)
    test(`a port of a ${masterKind ?? "device of no known kind"}: ${isServed ? "forwarded" : "left to the kernel"}`, () => {
      take(device(ACC, { master: 9, ...(masterKind !== undefined && { masterKind }) }), ["access"]);
      assert.deepEqual(kernel.ins(), isServed ? { "2.0": `from ${ACC}` } : {});
      assert.equal(told.length, isServed ? 0 : 1);
    });

  test("a driver that refuses the program: told, and tried again when the interface changes", () => {
    kernel.refuses.add(ACC);
    take(device(ACC), ["access"]);
    ways.look(ACC);
    assert.deepEqual(told, ["acc0: its driver does not take an XDP program: Operation not supported"]);
    kernel.refuses.clear();
    ways.linkChanged(device(ACC, { mtu: 1400 }));
    assert.deepEqual([...kernel.programs], [ACC]);
  });

  test("no original leaves by a mediation interface, tagged or not", () => {
    takeAll();
    take(device(MED), ["mediation", "core"]);
    assert.deepEqual([...kernel.fanOuts], []);
    take(device(MED), ["mediation"]);
    assert.deepEqual([...kernel.fanOuts].toSorted(), ["from core0 + med0", "to acc0 + med0"]);
    take(vlan(VLAN, MED, 100), ["access"]);
    assert.deepEqual([...kernel.fanOuts], []);
    assert.match(told.join(), /med0: med0 is a mediation interface and sends originals too/);
  });

  test("a device that does not send what XDP redirects, until it does", () => {
    kernel.drivers.set(CORE, { redirectable: false, strips: [] });
    takeAll();
    assert.deepEqual([...kernel.fanOuts], ["to acc0 + med0"]);
    kernel.drivers.set(CORE, CARD);
    ways.look(CORE);
    assert.deepEqual([...kernel.fanOuts].toSorted(), ["from core0 + med0", "to acc0 + med0"]);
  });

  test("interfaces without a link layer are none of ours", () => {
    ways.linkChanged(device(ACC, { hasLinkLayer: false }));
    assert.deepEqual([kernel.writes, ways.devices()], [0, []]);
  });

  test("4000 VLANs on one device: each is written once in each map", () => {
    ways.linkChanged(device(ACC));
    for (let id = 1; id <= 4000; id++) take(vlan(1000 + id, ACC, id), ["access"]);
    assert.equal(kernel.waysIn.size, 4000);
    assert.equal(kernel.writes, 8000);
  });
});
