/** The way to the mediation device: straight or through the stack, whole or in fragments; what changes is followed. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reassemble } from "./datagram.js";
import { assertCopies, type Fixture, fixtureSuite, runFixture } from "./fixtures.js";
import { intercept } from "./intercepts.js";
import { ip, waitUntil } from "./network.js";
import { ETHERTYPE, ethernet, ipv4, ipv6, macBytes, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { DEVICE4, DEVICE6, MEDIATION_MAC, NODE4, NODE6, Rig, SILENT_DEVICE4 } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";
import { type WireFixture, wireSuite } from "./wire-fixtures.js";

const matches = [
  { kind: "ipv4", prefix: "100.64.0.7/32" },
  { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
] as const;
const to = (address: string) => intercept({ matches, mediation: { address, port: 30_030 } });
const FULL4 = ipv4({}, tcp({}, pattern(1460)));
const FULL6 = ipv6({}, tcp({}, pattern(1440)));
const DOWN4 = ipv4(TO4, tcp({}, pattern(1460)));
const DOWN6 = ipv6(TO6, tcp({}, pattern(1440)));
const S_TAG = { id: 200, type: ETHERTYPE.svlan } as const;

const LINKS = [
  ["untagged", {}, undefined],
  ["802.1Q in the packet", { tags: [{ id: 100 }] }, undefined],
  ["802.1Q in the metadata", {}, { id: 100 }],
  ["QinQ in the packet", { tags: [S_TAG, { id: 7 }] }, undefined],
  ["QinQ, the outer tag in the metadata", { tags: [{ id: 7 }] }, S_TAG],
  ["three tags, the outermost in the metadata", { tags: [{ id: 7 }, { id: 8 }] }, S_TAG],
  ["PPPoE", { pppoe: 5 }, undefined],
  ["PPPoE in QinQ", { tags: [S_TAG, { id: 7 }], pppoe: 5 }, undefined],
  ["PPPoE in QinQ, the outer tag in the metadata", { tags: [{ id: 7 }], pppoe: 5 }, S_TAG],
] as const;

/** Every link layer, family, direction and outer family; of `counters`, what each copy adds. */
function everyLink(packets: { from4: Buffer; to4: Buffer; from6: Buffer; to6: Buffer }, fragments: number): Fixture[] {
  const { from4, to4, from6, to6 } = packets;
  return [DEVICE4, DEVICE6].flatMap((device) =>
    LINKS.flatMap(([name, link, tag]) =>
      (
        [
          ["IPv4 from", "from", from4],
          ["IPv4 to", "to", to4],
          ["IPv6 from", "from", from6],
          ["IPv6 to", "to", to6],
        ] as const
      ).map(([what, direction, packet]) => ({
        description: `${name}, ${what} the subscriber, to ${device}`,
        intercepts: [to(device)],
        direction,
        frame: ethernet(packet, { ...link, minimum: 80 }),
        ...(tag ? { tag } : {}),
        copies: [{ packet, fragments }],
        counters: { throughStack: 1, ...(fragments > 1 ? { fragmented: 1 } : {}) },
      })),
    ),
  );
}

const SHORT = {
  from4: ipv4({}, udp({}, pattern(3))),
  to4: ipv4(TO4, udp({}, pattern(3))),
  from6: ipv6({}, udp({}, pattern(3))),
  to6: ipv6(TO6, udp({}, pattern(3))),
};
const FULL = { from4: FULL4, to4: DOWN4, from6: FULL6, to6: DOWN6 };

fixtureSuite("through the stack", { mediation: { way: "stack" } }, everyLink(SHORT, 1));
fixtureSuite(
  "through the stack, without kfuncs",
  { mediation: { way: "stack" }, object: "tc-61.o" },
  everyLink(SHORT, 1),
);
fixtureSuite("in fragments", { mediationMtu: 1500 }, everyLink(FULL, 2));
fixtureSuite("in fragments, checksums computed", { mediationMtu: 1500, mediation: { udpChecksum: "computed" } }, [
  ...everyLink(FULL, 2),
]);

const jumbo = (bytes: number) => ipv4({}, udp({}, pattern(bytes - 28)));
const jumboWire = (bytes: number, mtu: number): WireFixture[] =>
  [DEVICE4, DEVICE6].map((device) => {
    const outer = device === DEVICE4 ? 20 : 48;
    const room = (mtu - outer) & ~7;
    const datagram = bytes + 16;
    const whole = bytes + (device === DEVICE4 ? 36 : 56) <= mtu;
    return {
      description: `${bytes} bytes over ${mtu}, to ${device}`,
      intercepts: [to(device)],
      direction: "from",
      into: "acc0",
      frame: ethernet(jumbo(bytes)),
      copies: [{ packet: jumbo(bytes), fragments: whole ? 1 : Math.ceil(datagram / room) }],
      counters: whole ? {} : { throughStack: 1, fragmented: 1 },
    };
  });

for (const mtu of [1280, 1500, 9000])
  wireSuite(
    `jumbo frames over a path of ${mtu}`,
    { mediationMtu: mtu },
    [1000, 1500, 4000, 8964, 9000].flatMap((bytes) => jumboWire(bytes, mtu)),
  );

const dropped: Fixture[] = [DEVICE4, DEVICE6].flatMap((device) =>
  [
    ["what fits goes straight", ipv4({}, udp({}, pattern(1500 - 28 - (device === DEVICE4 ? 36 : 56)))), true],
    ["one byte more is dropped", ipv4({}, udp({}, pattern(1501 - 28 - (device === DEVICE4 ? 36 : 56)))), false],
  ].map(([what, packet, fits]) => ({
    description: `${what as string}, to ${device}`,
    intercepts: [to(device)],
    direction: "from" as const,
    frame: ethernet(packet as Buffer),
    copies: fits ? [packet as Buffer] : [],
    ...(fits ? {} : { counters: { "dropped.oversize": 1 } }),
  })),
);
fixtureSuite("oversize: drop", { mediationMtu: 1500, mediation: { oversize: "drop" } }, dropped);

/** The kernel's helpers make no packet larger than some 16,000 bytes (SKB_MAX_ALLOC), Ethernet header included. */
const largest: WireFixture[] = [DEVICE4, DEVICE6].flatMap((device) =>
  (["acc0", "acct0"] as const).flatMap((into) =>
    [15_900, 16_500].map((bytes): WireFixture => {
      const fits = bytes === 15_900;
      const packet = ipv4({}, udp({}, pattern(bytes - 28)));
      return {
        description: `${bytes} bytes at ${into}, to ${device}`,
        intercepts: [to(device)],
        direction: "from",
        into,
        frame: into === "acc0" ? ethernet(packet) : packet,
        copies: fits ? [packet] : [],
        counters: fits ? {} : { "dropped.grow": 1 },
      };
    }),
  ),
);
wireSuite("the largest packets", { mediationMtu: 20_000, accessMtu: 20_000 }, largest);

const ppp: WireFixture[] = [
  ["IPv4", ipv4({}, udp())],
  ["IPv6", ipv6({}, tcp())],
].flatMap(([what, packet]) =>
  [DEVICE4, DEVICE6].map((device) => ({
    description: `${what as string} to ${device}`,
    intercepts: [to(device)],
    direction: "from" as const,
    into: "acct0" as const,
    frame: packet as Buffer,
    copies: [packet as Buffer],
    counters: { throughStack: 1 },
  })),
);
wireSuite("no link layer, through the stack", { mediation: { way: "stack" } }, ppp);

describe("changes on the way are followed", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  const packet = ipv4({}, udp());
  /** Sends until a copy is as wanted, which is when the program has asked for the route again. */
  function sendUntil(wanted: (frame: Buffer) => boolean): void {
    const seen = waitUntil(() => {
      rig.run("access_ingress", ethernet(packet));
      return rig.med0.drain().some(wanted);
    });
    assert.ok(seen, "no such copy came");
  }

  test("the neighbour's link-layer address", () => {
    rig.clear();
    rig.install([intercept()]);
    const other = "02:00:5e:20:00:aa";
    ip("neighbour", "replace", DEVICE4, "lladdr", other, "dev", "med0", "nud", "permanent");
    sendUntil((frame) => frame.subarray(0, 6).equals(macBytes(other)));
    ip("neighbour", "replace", DEVICE4, "lladdr", "02:00:5e:20:00:09", "dev", "med0", "nud", "permanent");
  });

  test("a route by a gateway", () => {
    rig.clear();
    rig.install([to("203.0.113.9")]);
    ip("route", "add", "203.0.113.0/24", "via", DEVICE4);
    sendUntil((frame) => frame.subarray(0, 6).equals(macBytes("02:00:5e:20:00:09")));
  });

  test("the MTU of the interface", () => {
    rig.clear();
    rig.install([intercept()]);
    ip("link", "set", "med0", "mtu", "1400");
    const large = ipv4({}, udp({}, pattern(1372)));
    const fragmented = waitUntil(() => {
      rig.run("access_ingress", ethernet(large));
      return rig.med0.expect(1).some((frame) => (frame.readUInt16BE(14 + 6) & 0x2000) !== 0);
    });
    ip("link", "set", "med0", "mtu", "1600");
    assert.ok(fragmented);
  });

  test("the MTU of the route", () => {
    rig.clear();
    rig.install([to("203.0.113.200")]);
    ip("route", "replace", "203.0.113.200", "via", DEVICE4, "mtu", "lock", "1300");
    const large = ipv4({}, udp({}, pattern(1272)));
    const changes = rig.changes(() => {
      rig.run("access_ingress", ethernet(large));
      const frames = rig.med0.expect(2).map((frame) => frame.subarray(14));
      assert.equal(frames.length, 2);
      assert.ok(frames.every(({ length }) => length <= 1300));
      assert.ok(reassemble(frames).subarray(36).equals(large));
    });
    assert.equal(changes["fragmented"], 1);
  });

  test("a neighbour that is not known is asked for by the stack, and its first copy waits", () => {
    rig.clear();
    const spec = to(SILENT_DEVICE4);
    rig.install([spec]);
    const changes = rig.changes(() => {
      rig.run("access_ingress", ethernet(packet));
      ip("neighbour", "replace", SILENT_DEVICE4, "lladdr", "02:00:5e:20:00:09", "dev", "med0", "nud", "reachable");
      assertCopies(rig, { intercepts: [spec], direction: "from" }, [{ packet }]);
    });
    assert.equal(changes["throughStack"], 1);
    assert.equal(changes["from.packets"], 1);
  });

  test("an interface that carries no program of ours is reached through the stack", () => {
    rig.clear();
    rig.install([to("192.0.2.80")]);
    const changes = rig.changes(() => {
      rig.run("access_ingress", ethernet(packet));
      assert.equal(rig.core0.expect(1).length, 1);
    });
    assert.equal(changes["throughStack"], 1);
  });
});

describe("identifications of outer datagrams", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  for (const way of ["auto", "stack"] as const)
    test(`1000 copies, 1000 identifications (${way})`, async () => {
      rig[Symbol.dispose]();
      rig = await Rig.open({ mediation: { way } });
      rig.install([intercept()]);
      const ids = new Set<number>();
      for (let round = 0; round < 10; round++) {
        for (let copy = 0; copy < 100; copy++) rig.run("access_ingress", ethernet(ipv4({}, udp())));
        for (const frame of rig.med0.expect(100)) ids.add(frame.readUInt16BE(14 + 4));
      }
      assert.equal(ids.size, 1000);
    });
});

describe("identifications of IPv6 fragments", () => {
  test("200 copies, 200 identifications, near each other: none comes again for long", async () => {
    using rig = await Rig.open({ mediationMtu: 1280 });
    rig.install([to(DEVICE6)]);
    const ids = new Set<number>();
    for (let round = 0; round < 4; round++) {
      for (let copy = 0; copy < 50; copy++) rig.run("access_ingress", ethernet(FULL4));
      for (const frame of rig.med0.expect(100)) ids.add(frame.readUIntLE(14 + 40 + 4, 3));
    }
    assert.equal(ids.size, 200);
    // Each CPU takes them from a block of its own.
    const blocks = new Set([...ids].map((id) => id >>> 8));
    assert.ok(blocks.size <= 8, `they are spread over ${blocks.size} blocks`);
  });
});

describe("what the stack takes and drops is counted, and the original goes on", () => {
  for (const [what, address, prepare] of [
    ["no route, IPv4", "203.0.113.200", []],
    ["no route, IPv6", "2001:db8:77::1", []],
    ["a route that refuses", "203.0.113.201", ["route", "add", "prohibit", "203.0.113.201"]],
    ["a route that swallows", "203.0.113.202", ["route", "add", "blackhole", "203.0.113.202"]],
  ] as const)
    test(what, async () => {
      using rig = await Rig.open();
      if (prepare.length > 0) ip(...prepare);
      rig.install([to(address)]);
      const lost = { dropped: 0 };
      rig.acc0.write(ethernet(FULL4));
      for (let copy = 0; copy < 4; copy++) assert.equal(rig.run("access_ingress", ethernet(FULL4)).verdict, -1);
      assert.equal(rig.core0.expect(1).length, 1, "the original");
      waitUntil(() => {
        lost.dropped = Number(rig.datapath.interceptCounters("intercept-1")?.dropped);
        return lost.dropped === 5;
      });
      assert.equal(lost.dropped, 5);
      assert.equal(rig.datapath.counters().dropped["stack"], 5n);
      assert.equal(rig.med0.drain().length, 0);
    });
});

/** med0 becomes a port of medbr0, which has the addresses now; both carry the program. */
async function bridgeMediation(rig: Rig): Promise<void> {
  ip("link", "add", "medbr0", "type", "bridge");
  ip("link", "set", "medbr0", "address", MEDIATION_MAC, "mtu", "1600", "up");
  ip("address", "flush", "dev", "med0");
  ip("link", "set", "med0", "master", "medbr0");
  for (const address of [`${NODE4}/24`, `${NODE6}/64`])
    ip("address", "add", address, "dev", "medbr0", ...(address.includes(":") ? ["nodad"] : []));
  for (const address of [DEVICE4, DEVICE6])
    ip("neighbour", "add", address, "lladdr", "02:00:5e:20:00:09", "dev", "medbr0", "nud", "permanent");
  // The kernel tells the bridge's carrier in its own time, and routes by it before are not taken.
  const links = () => JSON.parse(ip("-json", "link", "show", "dev", "medbr0")) as { operstate: string }[];
  assert.ok(
    waitUntil(() => links()[0]?.operstate === "UP"),
    "the bridge has no carrier",
  );
  rig.datapath.followInterfaces();
  await rig.inService("mediation", ["med0", "medbr0"]);
}

describe("a mediation interface that sends by another one", () => {
  for (const [way, ttl] of [
    ["auto", 255],
    ["stack", 255],
    ["stack", 64],
  ] as const)
    test(`the TTL is ${ttl} (${way})`, async () => {
      using rig = await Rig.open({ mediation: { way, ttl } });
      await bridgeMediation(rig);
      for (const device of [DEVICE4, DEVICE6])
        runFixture(rig, {
          description: "",
          intercepts: [to(device)],
          direction: "from",
          frame: ethernet(SHORT.from4),
          copies: [SHORT.from4],
          counters: way === "stack" ? { throughStack: 1 } : {},
        });
    });
});

describe("a copy is never mirrored", () => {
  for (const way of ["auto", "stack"] as const)
    for (const mtu of [1500, 1600])
      test(`an intercept on the mediation network itself, ${way}, MTU ${mtu}`, async () => {
        using rig = await Rig.open({ mediation: { way }, mediationMtu: mtu, access: ["med0"] });
        const fragments = mtu === 1500 ? 2 : 1;
        const throughStack = way === "stack" || fragments > 1 ? { throughStack: 1 } : {};
        for (const device of [DEVICE4, DEVICE6])
          for (const packet of [FULL4, FULL6])
            runFixture(rig, {
              description: "",
              intercepts: [
                intercept({
                  matches: [
                    ...matches,
                    { kind: "ipv4", prefix: "198.51.100.0/24" },
                    { kind: "ipv6", prefix: "2001:db8:9::/48" },
                    { kind: "interface", name: "med0" },
                  ],
                  mediation: { address: device, port: 30_030 },
                }),
              ],
              direction: "from",
              frame: ethernet(packet),
              copies: [{ packet, fragments }],
              counters: { ...throughStack, ...(fragments > 1 ? { fragmented: 1 } : {}) },
            });
      });
});
