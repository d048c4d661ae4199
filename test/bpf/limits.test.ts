/** How much of a subscriber's traffic is mirrored, and when: directions, snap lengths, groups, byte rates, times. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bootClockNs } from "../../src/datapath/clock.js";
import { Bucket } from "../../src/datapath/layout.gen.js";
import { type Fixture, fixtureSuite, runFixture } from "./fixtures.js";
import { slotOf } from "./handover.js";
import { intercept } from "./intercepts.js";
import { waitUntil } from "./network.js";
import { ethernet, ipv4, ipv6, REMOTE4, REMOTE6, SUBSCRIBER4, SUBSCRIBER6, TO4 } from "./packets.js";
import { Rig } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";

const matches = [
  { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
  { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
] as const;

const directions: Fixture[] = (["both", "from", "to"] as const).flatMap((wanted) =>
  (["from", "to"] as const).map((direction) => {
    const packet = direction === "from" ? ipv4({}, udp()) : ipv4(TO4, udp());
    return {
      description: `${wanted} wanted, a packet ${direction} the subscriber`,
      intercepts: [intercept({ direction: wanted })],
      direction,
      frame: ethernet(packet),
      copies: wanted === "both" || wanted === direction ? [packet] : [],
    };
  }),
);
fixtureSuite("directions", {}, directions);

const SNAPPED = ipv4({}, tcp({}, pattern(400)));
const SNAPPED6 = ipv6({}, tcp({}, pattern(400)));
const snaps: Fixture[] = [
  ...(
    [
      ["IPv4", SNAPPED, {}],
      ["IPv6", SNAPPED6, {}],
      ["IPv4 in PPPoE", SNAPPED, { pppoe: 5 }],
      ["IPv6 behind tags", SNAPPED6, { tags: [{ id: 100 }, { id: 7 }] }],
    ] as const
  ).flatMap(([what, packet, link]) =>
    [68, 101, packet.length - 1].map((snapLength) => ({
      description: `${snapLength} bytes of ${what}`,
      intercepts: [intercept({ matches, snapLength })],
      direction: "from" as const,
      frame: ethernet(packet, link),
      copies: [packet.subarray(0, snapLength)],
      counters: { throughStack: 1 },
    })),
  ),
  ...[SNAPPED.length, SNAPPED.length + 1, 65_535].map((snapLength) => ({
    description: `a snap length of ${snapLength} keeps all of ${SNAPPED.length} bytes`,
    intercepts: [intercept({ snapLength })],
    direction: "from" as const,
    frame: ethernet(SNAPPED),
    copies: [SNAPPED],
  })),
  {
    description: "what fits after it was snapped is not fragmented",
    intercepts: [intercept({ snapLength: 1000 })],
    direction: "from",
    frame: ethernet(ipv4({}, udp({}, pattern(2000)))),
    copies: [ipv4({}, udp({}, pattern(2000))).subarray(0, 1000)],
    counters: { throughStack: 1 },
  },
];
fixtureSuite("snap lengths", {}, snaps);

const onInterface = (multicast: boolean) => [
  intercept({ matches: [{ kind: "interface", name: "acc0" }], ...(multicast ? { multicast } : {}) }),
];
const toGroup4 = ipv4({ source: REMOTE4, destination: "233.252.0.1" }, udp());
const toGroup6 = ipv6({ source: REMOTE6, destination: "ff3e::1" }, udp());
const groups: Fixture[] = [
  ...(
    [
      ["224.0.0.0, the first group", ipv4({ source: REMOTE4, destination: "224.0.0.0" }, udp()), true],
      ["239.255.255.255, the last group", ipv4({ source: REMOTE4, destination: "239.255.255.255" }, udp()), true],
      ["223.255.255.255, no group", ipv4({ source: REMOTE4, destination: "223.255.255.255" }, udp()), false],
      ["255.255.255.255, no group", ipv4({ source: REMOTE4, destination: "255.255.255.255" }, udp()), false],
      ["an IPv4 group", toGroup4, true],
      ["an IPv6 group", toGroup6, true],
      ["fe80::1, no group", ipv6({ source: REMOTE6, destination: "fe80::1" }, udp()), false],
    ] as const
  ).flatMap(([what, packet, isGroup]): Fixture[] => [
    {
      description: `to ${what}, multicast not wanted`,
      intercepts: onInterface(false),
      direction: "to",
      frame: ethernet(packet),
      copies: isGroup ? [] : [packet],
    },
    {
      description: `to ${what}, multicast wanted`,
      intercepts: onInterface(true),
      direction: "to",
      frame: ethernet(packet),
      copies: [packet],
    },
  ]),
  {
    description: "what the subscriber sends to a group is mirrored in any case",
    intercepts: [intercept()],
    direction: "from",
    frame: ethernet(ipv4({ destination: "233.252.0.1" }, udp())),
    copies: [ipv4({ destination: "233.252.0.1" }, udp())],
  },
];
fixtureSuite("groups", {}, groups);

describe("byte rates", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  const packet = ipv4({}, udp({}, pattern(372)));
  /** Slow enough that nothing is filled up while a test runs. */
  const slowly = (burstBytes: number) => ({ bytesPerSecond: 1, burstBytes });

  /** Runs `count` packets and returns how the totals changed. */
  function run(count: number): Record<string, number> {
    return rig.changes(() => {
      for (let number = 0; number < count; number++) rig.run("access_ingress", ethernet(packet));
    });
  }

  function setBucket(tokens: bigint, filledNs: bigint): void {
    const slot = Buffer.alloc(4);
    slot.writeUInt32LE(slotOf(rig, "intercept-1"));
    rig
      .map("buckets")
      .update(slot, Bucket.encode({ lock: { val: 0 }, tokens_byte_ns: tokens * 1_000_000_000n, filled_ns: filledNs }));
  }

  test("a bucket begins full and gives what it holds", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(1000) })]);
    assert.deepEqual(run(3), { "from.packets": 2, "from.bytes": 800, "dropped.rate": 1 });
    assert.deepEqual(rig.datapath.interceptCounters("intercept-1")?.dropped, 1n);
  });

  test("a smaller packet still fits where a larger did not", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(500) })]);
    assert.deepEqual(run(2), { "from.packets": 1, "from.bytes": 400, "dropped.rate": 1 });
    const changes = rig.changes(() => rig.run("access_ingress", ethernet(ipv4({}, udp({}, pattern(60))))));
    assert.deepEqual(changes, { "from.packets": 1, "from.bytes": 88 });
  });

  test("exactly what is in the bucket may be taken", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(400) })]);
    assert.deepEqual(run(1), { "from.packets": 1, "from.bytes": 400 });
  });

  test("one byte less than the packet is not enough", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(399) })]);
    assert.deepEqual(run(1), { "dropped.rate": 1 });
  });

  test("it fills up at its rate", () => {
    rig.clear();
    rig.install([intercept({ rate: { bytesPerSecond: 500, burstBytes: 100_000 } })]);
    setBucket(0n, bootClockNs() - 2_000_000_000n);
    // Two seconds at 500: two packets of 400, and the third not before 400 ms.
    assert.deepEqual(run(3), { "from.packets": 2, "from.bytes": 800, "dropped.rate": 1 });
  });

  test("it holds no more than the burst", () => {
    rig.clear();
    rig.install([intercept({ rate: { bytesPerSecond: 500, burstBytes: 800 } })]);
    for (const seconds of [1n, 2n, 1_000_000n]) {
      const filled = bootClockNs() - seconds * 1_000_000_000n;
      setBucket(seconds === 1n ? 700n : 0n, filled > 0n ? filled : 1n);
      assert.deepEqual(run(3), { "from.packets": 2, "from.bytes": 800, "dropped.rate": 1 });
    }
  });

  test("a time of filling in the future, from another CPU's clock, fills nothing", () => {
    rig.clear();
    rig.install([intercept({ rate: { bytesPerSecond: 9_000_000_000, burstBytes: 9_000_000_000 } })]);
    setBucket(400n, bootClockNs() + 10_000_000_000n);
    assert.deepEqual(run(2), { "from.packets": 1, "from.bytes": 400, "dropped.rate": 1 });
  });

  test("the highest rate and burst", () => {
    rig.clear();
    rig.install([intercept({ rate: { bytesPerSecond: 9_000_000_000, burstBytes: 9_000_000_000 } })]);
    setBucket(0n, bootClockNs() - 900_000_000n);
    assert.deepEqual(run(2), { "from.packets": 2, "from.bytes": 800 });
  });

  test("what a snap length cuts off is not counted", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(200), snapLength: 100 })]);
    assert.deepEqual(run(3), { "from.packets": 2, "from.bytes": 200, "dropped.rate": 1, throughStack: 2 });
  });

  test("what a drop policy leaves out is not counted", () => {
    rig.clear();
    rig.install([intercept({ rate: slowly(400), dropPolicy: [{ destinationPorts: [99, 99] }] })]);
    const out = ethernet(ipv4({}, udp({ destinationPort: 99 }, pattern(372))));
    assert.deepEqual(
      rig.changes(() => rig.run("access_ingress", out)),
      { excluded: 1 },
    );
    assert.deepEqual(run(1), { "from.packets": 1, "from.bytes": 400 });
  });
});

describe("times", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  const packet = ipv4({}, udp());
  const mirrored = (): boolean => {
    rig.run("access_ingress", ethernet(packet));
    return rig.med0.drain().length === 1;
  };
  const HOUR = 3_600_000;

  for (const [what, times, is] of [
    ["within its time", { notBefore: -HOUR, notAfter: HOUR }, true],
    ["before its time", { notBefore: HOUR, notAfter: 2 * HOUR }, false],
    ["after its time", { notBefore: -2 * HOUR, notAfter: -HOUR }, false],
    ["begun before the node", { notBefore: -1_000_000 * HOUR }, true],
    ["ended before the node began", { notAfter: -1_000_000 * HOUR }, false],
  ] as const)
    test(`${what}: ${is ? "mirrored" : "not mirrored"}, and nothing is counted as lost`, () => {
      const at = Object.fromEntries(Object.entries(times).map(([name, offset]) => [name, Date.now() + offset]));
      runFixture(rig, {
        description: what,
        intercepts: [intercept(at)],
        direction: "from",
        frame: ethernet(packet),
        copies: is ? [packet] : [],
      });
    });

  test("the kernel begins by itself, on time", () => {
    rig.clear();
    const notBefore = Date.now() + 200;
    rig.install([intercept({ notBefore })]);
    assert.ok(!mirrored());
    assert.ok(waitUntil(mirrored));
    const late = Date.now() - notBefore;
    assert.ok(late >= -1 && late < 1000, `began ${late} ms after its time`);
  });

  // Where the end is more than a second away, the kernel's programs look at a clock that is read now and then only.
  for (const [when, ms] of [
    ["soon", 200],
    ["later", 1400],
  ] as const)
    test(`the kernel ends by itself, on time, ${when}`, () => {
      rig.clear();
      const notAfter = Date.now() + ms;
      rig.install([intercept({ notAfter })]);
      assert.ok(mirrored());
      assert.ok(waitUntil(() => !mirrored()));
      const late = Date.now() - notAfter;
      assert.ok(late >= -1 && late < 500, `ended ${late} ms after its time`);
    });
});
