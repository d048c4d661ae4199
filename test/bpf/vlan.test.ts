/**
 * xdp_forward on tagged frames. The kernel of a test machine need not have VLAN interfaces: devices of their own stand in
 * for them in routing, and link events that are made up say whose tag they are.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Role } from "../../src/datapath/attach.js";
import type { NetworkLink } from "../../src/net/links.js";
import { assertCopies } from "./fixtures.js";
import { numbered } from "./intercepts.js";
import { ipBatch, sysctl, Wire } from "./network.js";
import { ETHERTYPE, ethernet, ipv4, ipv6, ROUTER_MAC, SUBSCRIBER_MAC, type VlanTag } from "./packets.js";
import { Rig } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";
import { runXdp, XDP } from "./xdp.js";

const CORE_MAC = "02:00:5e:30:00:01";
const REMOTE_MAC = "02:00:5e:30:00:80";
const ACCESS_TAG = { id: 100 } as const;
const CORE_TAG = { id: 200 } as const;

const addresses = {
  subscriber: {
    untagged: { 4: "100.64.0.7", 6: "2001:db8:1::7" },
    tagged: { 4: "100.64.100.7", 6: "2001:db8:100::7" },
  },
  remote: {
    untagged: { 4: "192.0.2.80", 6: "2001:db8:ffff::80" },
    tagged: { 4: "203.0.113.80", 6: "2001:db8:fffe::80" },
  },
} as const;

const all = Object.values(addresses.subscriber);
const matches = [
  ...all.map((of) => ({ kind: "ipv4", prefix: `${of[4]}/32` }) as const),
  ...all.map((of) => ({ kind: "ipv6", prefix: `${of[6]}/128` }) as const),
];

type Tagging = "untagged" | "tagged";

/** One packet of a subscriber as it comes in, as it leaves, and its copy. */
function journey(family: 4 | 6, direction: "from" | "to", into: Tagging, out: Tagging) {
  const isFrom = direction === "from";
  const subscriber = addresses.subscriber[isFrom ? into : out][family];
  const remote = addresses.remote[isFrom ? out : into][family];
  const ends = isFrom ? { source: subscriber, destination: remote } : { source: remote, destination: subscriber };
  const packet = (hops: number): Buffer =>
    family === 4
      ? ipv4({ ...ends, ttl: hops, tos: 0xb8 }, udp({}, pattern(200)))
      : ipv6({ ...ends, hopLimit: hops, trafficClass: 0xb8 }, tcp({}, pattern(200)));
  const tags = (tagging: Tagging, tag: VlanTag) => (tagging === "tagged" ? { tags: [tag] } : {});
  const [inTag, outTag] = isFrom ? [ACCESS_TAG, CORE_TAG] : [CORE_TAG, ACCESS_TAG];
  const macs = isFrom
    ? [
        { destination: ROUTER_MAC, source: SUBSCRIBER_MAC },
        { destination: REMOTE_MAC, source: CORE_MAC },
      ]
    : [
        { destination: CORE_MAC, source: REMOTE_MAC },
        { destination: SUBSCRIBER_MAC, source: ROUTER_MAC },
      ];
  return {
    frame: ethernet(packet(64), { ...macs[0], ...tags(into, { ...inTag, priority: 5 }) }),
    forwarded: ethernet(packet(63), { ...macs[1], ...tags(out, outTag) }),
    copy: packet(isFrom ? 64 : 63),
  };
}

describe("xdp_forward, VLAN interfaces", () => {
  let rig: Rig;
  let access: Wire;
  let core: Wire;

  /** In service, unless `more` says otherwise. */
  function isVlan(wire: Wire, lower: Wire, id: number, roles: readonly Role[], more: Partial<NetworkLink> = {}): void {
    const mac = lower.name === "acc0" ? ROUTER_MAC : CORE_MAC;
    rig.takeForVlan(wire, { lower, id, roles, more: { mac, ...more } });
  }

  before(async () => {
    rig = await Rig.open({ mode: "xdp-forward" });
    access = new Wire("sub100", { mac: ROUTER_MAC });
    core = new Wire("net200", { mac: CORE_MAC });
    for (const name of ["sub100", "net200"]) sysctl(`ipv4/conf/${name}/rp_filter`, "0");
    const { subscriber, remote } = addresses;
    ipBatch([
      ["address", "add", "100.64.100.1/24", "dev", "sub100"],
      ["address", "add", "2001:db8:100::1/64", "dev", "sub100", "nodad"],
      ["address", "add", "203.0.113.1/24", "dev", "net200"],
      ["address", "add", "2001:db8:fffe::1/64", "dev", "net200", "nodad"],
      ...Object.values(subscriber.tagged).map((to) => neighbour(to, SUBSCRIBER_MAC, "sub100")),
      ...Object.values(remote.tagged).map((to) => neighbour(to, REMOTE_MAC, "net200")),
    ]);
    await rig.settled();
  });
  after(() => {
    for (const wire of [access, core]) wire[Symbol.dispose]();
    rig[Symbol.dispose]();
  });
  beforeEach(() => {
    rig.clear();
    isVlan(access, rig.acc0, ACCESS_TAG.id, ["access"]);
    isVlan(core, rig.core0, CORE_TAG.id, ["core"]);
  });

  for (const family of [4, 6] as const)
    for (const direction of ["from", "to"] as const)
      for (const into of ["untagged", "tagged"] as const)
        for (const out of ["untagged", "tagged"] as const)
          for (const count of [1, 3])
            test(`IPv${family} ${direction} the subscriber, ${into} in, ${out} out, ${count} copies`, () => {
              const specs = Array.from({ length: count }, (_, index) => numbered(index + 1, { matches }));
              rig.install(specs);
              const { frame, forwarded, copy } = journey(family, direction, into, out);
              const [inWire, outWire] = direction === "from" ? [rig.acc0, rig.core0] : [rig.core0, rig.acc0];
              const byXdp = rig.copiesByXdp();
              const changes = rig.changes(() => {
                inWire.write(frame);
                assertCopies(
                  rig,
                  { direction },
                  specs.map((of) => ({ packet: copy, of })),
                );
                const originals = outWire.expect(1).map((each) => each.toString("hex"));
                assert.deepEqual(originals, [forwarded.toString("hex")]);
              });
              assert.deepEqual(changes, {
                [`${direction}.packets`]: count,
                [`${direction}.bytes`]: count * copy.length,
              });
              assert.equal(rig.copiesByXdp() - byXdp, count);
            });

  const tagged = journey(4, "from", "tagged", "untagged").frame;
  const LEFT: readonly (readonly [string, () => void, Buffer?])[] = [
    ["of a VLAN that is down", () => isVlan(access, rig.acc0, 100, ["access"], { up: false })],
    ["of a VLAN that keeps its tag", () => isVlan(access, rig.acc0, 100, ["access"], { vlanKeepsTag: true })],
    ["of a VLAN in a bridge", () => isVlan(access, rig.acc0, 100, ["access"], { master: 99, masterKind: "bridge" })],
    ["of a VLAN that is gone", () => rig.datapath.xdp?.linkGone(access.ifindex)],
    ["of a VLAN with another MAC address", () => isVlan(access, rig.acc0, 100, ["access"], { mac: CORE_MAC })],
    ["of a VLAN that is access and core", () => isVlan(access, rig.acc0, 100, ["core"])],
    ["of another VLAN", () => {}, journeyWith({ id: 101 })],
    ["of 802.1ad", () => {}, journeyWith({ id: 100, type: ETHERTYPE.svlan })],
    ["with a priority only", () => {}, journeyWith({ id: 0, priority: 3 })],
    ["in another tag", () => {}, journeyWith({ id: 7 }, { id: 100 })],
  ];
  for (const [what, prepare, frame = tagged] of LEFT)
    test(`a frame ${what}: left to tc, which mirrors it once`, () => {
      const spec = numbered(1, { matches });
      rig.install([spec]);
      prepare();
      const run = runXdp("acc0", frame);
      assert.equal(run.verdict, XDP.PASS);
      assert.equal(run.frame.toString("hex"), frame.toString("hex"));
      rig.acc0.write(frame);
      assertCopies(rig, { direction: "from" }, [{ packet: journey(4, "from", "tagged", "untagged").copy, of: spec }]);
    });

  function journeyWith(...tags: readonly VlanTag[]): Buffer {
    const { copy } = journey(4, "from", "tagged", "untagged");
    return ethernet(copy, { tags });
  }

  for (const [what, more] of [
    ["maps priorities", { vlanMapsPriority: true }],
    ["is down", { up: false }],
  ] as const)
    test(`to a VLAN interface that ${what}: left to the stack`, () => {
      rig.install([numbered(1, { matches })]);
      isVlan(core, rig.core0, CORE_TAG.id, ["core"], more);
      const { frame } = journey(4, "from", "untagged", "tagged");
      assert.equal(runXdp("acc0", frame).verdict, XDP.PASS);
    });

  test("from a subscriber to one on an access VLAN: left to the stack, where tc sees it leave as well", () => {
    rig.install([numbered(1, { matches })]);
    const { subscriber } = addresses;
    const packet = ipv4({ source: subscriber.untagged[4], destination: subscriber.tagged[4] }, udp());
    assert.equal(runXdp("acc0", ethernet(packet)).verdict, XDP.PASS);
  });

  test("the device alone is in service: its VLANs are mirrored as tc does at the device", () => {
    rig.install([numbered(1, { matches })]);
    isVlan(access, rig.acc0, ACCESS_TAG.id, []);
    const { frame, copy, forwarded } = journey(4, "from", "tagged", "untagged");
    rig.acc0.write(frame);
    assertCopies(rig, { direction: "from" }, [{ packet: copy, of: numbered(1, { matches }) }]);
    assert.deepEqual(
      rig.core0.expect(1).map((each) => each.toString("hex")),
      [forwarded.toString("hex")],
    );
  });
});

function neighbour(to: string, mac: string, device: string): string[] {
  return ["neighbour", "add", to, "lladdr", mac, "dev", device, "nud", "permanent"];
}
