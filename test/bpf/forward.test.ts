/** xdp_forward: several copies of many packets at once, what must not go its way, and copies that are lost. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, beforeEach, describe, test } from "node:test";
import { BpfObject } from "libbpf-ts";
import { datagram, decapsulate, withoutId } from "./datagram.js";
import { assertCopies } from "./fixtures.js";
import { numbered, outerOf } from "./intercepts.js";
import { ifindexOf, ip, ipBatch, Wire } from "./network.js";
import { ethernet, ipv4, ipv6, REMOTE4, ROUTER_MAC, SUBSCRIBER_MAC, SUBSCRIBER4, SUBSCRIBER6, TO4 } from "./packets.js";
import { DEVICE6, Rig } from "./rig.js";
import { pattern, udp } from "./transport.js";
import { AttachedXdp, runXdp, XDP } from "./xdp.js";

const CORE_MAC = "02:00:5e:30:00:01";
const REMOTE_MAC = "02:00:5e:30:00:80";
const matches = [
  { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
  { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
] as const;
const plain = numbered(1, { matches });
const up = ipv4({}, udp({}, pattern(200)));
const down = ipv4(TO4, udp({}, pattern(200)));

function tally(items: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

describe("xdp_forward, many packets in one turn of a device", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-forward" });
  });
  after(() => rig[Symbol.dispose]());
  beforeEach(() => rig.clear());

  for (const count of [1, 2, 5, 8])
    test(`64 packets, ${count} copies of each: every intercept gets each once, with its own header`, () => {
      const specs = Array.from({ length: count }, (_, index) =>
        numbered(index, { matches, ...(index % 3 === 1 && { mediation: { address: DEVICE6, port: 9 + index } }) }),
      );
      rig.install(specs);
      const byXdp = rig.copiesByXdp();
      const changes = rig.changes(() => {
        using attached = new AttachedXdp("acc0");
        attached.runLive(ethernet(up), 64);
        const originals = rig.core0.expect(64).map((frame) => frame.toString("hex"));
        const forwarded = ethernet(ipv4({ ttl: 63 }, udp({}, pattern(200))), {
          destination: REMOTE_MAC,
          source: CORE_MAC,
        });
        assert.deepEqual(tally(originals), { [forwarded.toString("hex")]: 64 });
        const copies = rig.med0.expect(64 * count).map((frame) => withoutId(frame.subarray(14)).toString("hex"));
        const wanted = specs.map((of) => [datagram(outerOf(of, "from"), up).toString("hex"), 64] as const);
        assert.deepEqual(tally(copies), Object.fromEntries(wanted));
      });
      assert.deepEqual(changes, { "from.packets": 64 * count, "from.bytes": 64 * count * up.length });
      assert.equal(rig.copiesByXdp() - byXdp, 64 * count);
      for (const { key } of specs) assert.equal(rig.datapath.interceptCounters(key)?.from.packets, 64n, key);
    });
});

describe("xdp_forward on a veth, packets of several subscribers in turn", () => {
  const FRAMES = 192;
  const COPIES = [1, 3, 8] as const;

  test("one, three and eight intercepts: each packet's copies are its own subscriber's", async () => {
    execFileSync("make", ["-s", "-C", "test/bpf"], { stdio: ["ignore", "ignore", "inherit"] });
    using rig = await Rig.open({ mode: "xdp-forward" });
    ipBatch([
      ["link", "add", "acc9", "address", ROUTER_MAC, "type", "veth", "peer", "name", "far9"],
      ["link", "set", "acc9", "up"],
      ["link", "set", "far9", "up"],
    ]);
    await rig.inService("access", ["acc9"]);
    await rig.settled();
    const subscriber = (number: number): string => `100.64.0.${7 + number}`;
    const specs = COPIES.flatMap((count, number) =>
      Array.from({ length: count }, (_, index) =>
        numbered(10 * number + index, { matches: [{ kind: "ipv4", prefix: `${subscriber(number)}/32` }] }),
      ),
    );
    rig.install(specs);

    using burst = BpfObject.open("build/test-bpf/burst.o")
      .setGlobal("out_ifindex", u32(ifindexOf("far9")))
      .setGlobal("subscribers", u32(COPIES.length))
      .load();
    const byXdp = rig.copiesByXdp();
    burst.program("burst").testRun({
      data: ethernet(ipv4({ id: 0 }, udp({}, pattern(100)))),
      liveFrames: true,
      repeat: FRAMES,
      batchSize: FRAMES,
    });

    const packets = Array.from({ length: FRAMES }, (_, id) => ({ id, number: id % COPIES.length }));
    const sourceAndId = (packet: Buffer): string => `${packet.subarray(12, 16).join(".")} ${packet.readUInt16BE(4)}`;
    const originals = rig.core0.expect(FRAMES).map((frame) => sourceAndId(frame.subarray(14)));
    assert.deepEqual(
      originals,
      packets.map(({ id, number }) => `${subscriber(number)} ${id}`),
    );

    const wanted = packets.flatMap(({ id, number }) =>
      Array.from(
        { length: COPIES[number] ?? 0 },
        (_, index) => `port ${30_000 + 10 * number + index}: ${subscriber(number)} ${id}`,
      ),
    );
    const copies = rig.med0.expect(wanted.length).map((frame) => {
      const { ports, inner } = decapsulate(frame.subarray(14));
      return `port ${ports[1]}: ${sourceAndId(inner)}`;
    });
    assert.deepEqual(copies.toSorted(), wanted.toSorted());
    assert.equal(rig.copiesByXdp() - byXdp, wanted.length);
  });
});

describe("xdp_forward, what the kernel would not forward, or not so", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-forward", mediationMtu: 1600 });
  });
  after(() => rig[Symbol.dispose]());
  beforeEach(() => {
    rig.clear();
    rig.install([plain]);
  });

  const wrongChecksum = Buffer.from(up);
  wrongChecksum[10] = (wrongChecksum[10] ?? 0) ^ 0xff;
  const anybody = numbered(1, {
    matches: [
      { kind: "ipv4", prefix: "0.0.0.0/0" },
      { kind: "ipv6", prefix: "::/0" },
    ],
  });
  const LEFT: readonly (readonly [string, Buffer, typeof plain?])[] = [
    ["to another host on the link", ethernet(up, { destination: "02:00:5e:10:00:99" })],
    ["to all hosts on the link", ethernet(up, { destination: "ff:ff:ff:ff:ff:ff" })],
    ["a wrong checksum", ethernet(wrongChecksum)],
    ...["0.0.0.1", "127.0.0.1", "224.0.0.5", "255.255.255.255"].map(
      (source) => [`from ${source}`, ethernet(ipv4({ source }, udp())), anybody] as const,
    ),
    ...["::", "::1", "::ffff:192.0.2.1", "ff02::1", "fe80::1"].map(
      (source) => [`from ${source}`, ethernet(ipv6({ source }, udp())), anybody] as const,
    ),
    ["to 0.0.0.0", ethernet(ipv4({ destination: "0.0.0.0" }, udp()))],
    [
      "a frame that is larger than the mediation interface's MTU, of which little is copied",
      ethernet(ipv4({}, udp({}, pattern(1580)))),
      { ...plain, snapLength: 100 },
    ],
  ];
  for (const [what, frame, spec = plain] of LEFT)
    test(`${what}: left to the stack, untouched`, () => {
      rig.clear();
      rig.install([spec]);
      const run = runXdp("acc0", frame);
      assert.equal(run.verdict, XDP.PASS);
      assert.equal(run.frame.toString("hex"), frame.toString("hex"));
    });

  test("to the same address in another zone: nobody's there", () => {
    ipBatch([
      ["route", "add", "100.64.0.7/32", "dev", "acc1"],
      ["neighbour", "add", SUBSCRIBER4, "lladdr", SUBSCRIBER_MAC, "dev", "acc1", "nud", "permanent"],
    ]);
    try {
      const frame = ethernet(down, { destination: CORE_MAC });
      assert.equal(runXdp("core0", frame).verdict, XDP.PASS);
      rig.core0.write(frame);
      assert.equal(rig.acc1.expect(1).length, 1);
      assert.deepEqual(rig.med0.drain(), []);
    } finally {
      ip("route", "del", "100.64.0.7/32", "dev", "acc1");
    }
    assert.equal(runXdp("core0", ethernet(down, { destination: CORE_MAC })).verdict, XDP.REDIRECT);
  });

  test("a route that goes by the destination port", () => {
    ipBatch([
      ["rule", "add", "to", REMOTE4, "ipproto", "udp", "dport", "4000", "table", "100"],
      ["route", "add", "unreachable", "default", "table", "100"],
    ]);
    try {
      const to = (destinationPort: number): Buffer => ethernet(ipv4({}, udp({ destinationPort }, pattern(20))));
      assert.equal(runXdp("acc0", to(4001)).verdict, XDP.REDIRECT);
      assert.equal(runXdp("acc0", to(4000)).verdict, XDP.PASS);
    } finally {
      ip("rule", "del", "to", REMOTE4, "ipproto", "udp", "dport", "4000");
    }
  });
});

describe("xdp_forward, larger frames than the kernel clones", () => {
  test("left to the stack: up to a page with what is around it, by XDP", async () => {
    using rig = await Rig.open({ mode: "xdp-forward", mediationMtu: 9000 });
    rig.install([plain]);
    const frame = (bytes: number): Buffer => ethernet(ipv4({}, udp({}, pattern(bytes - 14 - 28))));
    assert.equal(runXdp("acc0", frame(3072)).verdict, XDP.REDIRECT);
    assert.equal(runXdp("acc0", frame(3073)).verdict, XDP.PASS);
  });
});

describe("xdp_forward, copies by several mediation interfaces", () => {
  test("tc makes all of them, each once", async () => {
    using other = new Other();
    using rig = await Rig.open({ mode: "xdp-forward" });
    const med1 = other.open();
    await rig.inService("mediation", ["med0", "med1"]);
    const specs = [plain, numbered(2, { matches, mediation: { address: "203.0.113.9", port: 7 } })] as const;
    rig.install(specs);
    const byXdp = rig.copiesByXdp();
    assert.equal(runXdp("acc0", ethernet(up)).verdict, XDP.PASS);
    rig.acc0.write(ethernet(up));
    assertCopies(rig, { direction: "from" }, [{ packet: up, of: specs[0] }]);
    const [copy, ...more] = med1.expect(1);
    assert.ok(copy);
    assert.equal(withoutId(copy.subarray(14)).toString("hex"), datagram(outerOf(specs[1], "from"), up).toString("hex"));
    assert.deepEqual(more, []);
    assert.equal(rig.core0.expect(1).length, 1);
    assert.equal(rig.copiesByXdp(), byXdp);
  });
});

/** A second mediation interface, made in the rig's namespace. */
class Other implements Disposable {
  #wire: Wire | undefined;

  open(): Wire {
    this.#wire = new Wire("med1", { mac: "02:00:5e:21:00:01", mtu: 1600 });
    ipBatch([
      ["address", "add", "203.0.113.1/24", "dev", "med1"],
      ["neighbour", "add", "203.0.113.9", "lladdr", "02:00:5e:21:00:09", "dev", "med1", "nud", "permanent"],
    ]);
    return this.#wire;
  }

  [Symbol.dispose](): void {
    this.#wire?.[Symbol.dispose]();
  }
}

describe("xdp_forward, copies that do not come to be made", () => {
  /** Originals with several copies that each CPU remembers (xdp_maps.h). */
  const REMEMBERED = 256;

  test("are counted by intercept, and shift nothing of what comes behind them", async () => {
    using rig = await Rig.open({ mode: "xdp-forward" });
    const specs = [numbered(1, { matches }), numbered(2, { matches })];
    rig.install(specs);
    // Runs on one CPU: what is remembered is each CPU's own.
    execFileSync("taskset", ["-pc", "0", `${process.pid}`]);
    // A test run gives its verdict, and then nothing is redirected: all copies are lost.
    for (let run = 0; run < REMEMBERED; run++) assert.equal(runXdp("acc0", ethernet(up)).verdict, XDP.REDIRECT);
    const lost = rig.changes(() => {
      rig.acc0.write(ethernet(up));
      assertCopies(
        rig,
        { direction: "from" },
        specs.map((of) => ({ packet: up, of })),
      );
    });
    assert.deepEqual(lost, { "from.packets": 2, "from.bytes": 2 * up.length, "dropped.clone": 2 });
    for (const { key } of specs) {
      const counters = rig.datapath.interceptCounters(key);
      assert.equal(counters?.dropped, 1n);
      assert.equal(counters?.from.packets, 1n);
    }
  });
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
