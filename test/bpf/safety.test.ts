/** Malformed packets, copies that must not be mirrored again, and a counter for whatever keeps a copy from leaving. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { Host4Key, Targets } from "../../src/datapath/layout.gen.js";
import { type Fixture, fixtureSuite, runFixture } from "./fixtures.js";
import { intercept, numbered } from "./intercepts.js";
import { ifindexOf } from "./network.js";
import { addressBytes, ethernet, ipv4, ipv6, SUBSCRIBER4, SUBSCRIBER6, TO4 } from "./packets.js";
import { DEVICE6, Rig } from "./rig.js";
import { raw, tcp, udp } from "./transport.js";
import { type WireFixture, wireSuite } from "./wire-fixtures.js";

const both = intercept({
  matches: [
    { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
    { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
  ],
});
const packet = ipv4({}, udp());
const packet6 = ipv6({}, udp());

const TAGGED = { tags: [{ id: 100 }] };
const IN_PPPOE = { pppoe: 5 };

/** BPF_PROG_TEST_RUN wants a whole IP header behind an IP ethertype; behind a tag or PPPoE it does not look. */
const truncated: Fixture[] = [TAGGED, IN_PPPOE].flatMap((link) =>
  [packet, packet6].flatMap((whole) => {
    const header = whole === packet ? 20 : 40;
    const linkBytes = ethernet(whole, link).length - whole.length;
    return Array.from({ length: header + linkBytes - 14 + 1 }, (_, bytes): Fixture => {
      const frame = ethernet(whole, link).subarray(0, 14 + bytes);
      return {
        description: `IPv${whole === packet ? 4 : 6} behind ${JSON.stringify(link)}, ${14 + bytes} bytes of the frame`,
        intercepts: [both],
        direction: "from",
        frame,
        copies: frame.length === linkBytes + header ? [frame.subarray(linkBytes)] : [],
      };
    });
  }),
);

const cutOnTheWire: WireFixture[] = [packet, packet6].flatMap((whole) =>
  Array.from({ length: whole === packet ? 20 : 40 }, (_, bytes) => ({
    description: `${bytes} bytes of an IPv${whole === packet ? 4 : 6} header`,
    intercepts: [both],
    direction: "from" as const,
    into: "acc0" as const,
    frame: ethernet(whole).subarray(0, 14 + bytes),
    copies: [],
  })),
);

const malformed = [
  ...[20, 21, 40].map((bytes) => ({
    description: `IPv4 that says more than the ${bytes} bytes there are: what is there is mirrored`,
    frame: ethernet(packet).subarray(0, 14 + bytes),
    copies: [packet.subarray(0, bytes)],
  })),
  ...[40, 41, 60].map((bytes) => ({
    description: `IPv6 that says more than the ${bytes} bytes there are: what is there is mirrored`,
    frame: ethernet(packet6).subarray(0, 14 + bytes),
    copies: [packet6.subarray(0, bytes)],
  })),
  ...[0, 1, 4, 19].map((totalLength) => {
    const wrong = ipv4({ totalLength }, udp());
    return {
      description: `IPv4 that says less than its own header, ${totalLength}: what is there is mirrored`,
      frame: ethernet(wrong),
      copies: [wrong],
    };
  }),
  {
    description: "IPv4 whose length ends behind its header",
    frame: ethernet(ipv4({ totalLength: 20 }, udp())),
    copies: [ipv4({ totalLength: 20 }, udp()).subarray(0, 20)],
  },
  {
    description: "IPv4 with options whose length ends within them: what is there is mirrored",
    frame: ethernet(ipv4({ totalLength: 24, options: Buffer.alloc(8, 1) }, udp())),
    copies: [ipv4({ totalLength: 24, options: Buffer.alloc(8, 1) }, udp())],
  },
  {
    description: "IPv6 of payload length 0 with a payload behind it, as padding",
    frame: ethernet(ipv6({ payloadLength: 0 }, udp())),
    copies: [ipv6({ payloadLength: 0 }, udp()).subarray(0, 40)],
  },
  ...[0, 1, 4, 15].map((headerWords) => {
    const wrong = ipv4({ headerWords }, udp());
    return {
      description: `an IPv4 header of ${headerWords} words`,
      frame: ethernet(wrong),
      copies: [wrong],
    };
  }),
  ...[0, 3, 5, 6, 15].map((version) => ({
    description: `version ${version} under the ethertype of IPv4`,
    frame: ethernet(ipv4({ version }, udp()), { type: 0x0800 }),
    copies: [],
  })),
  ...[0, 4, 7].map((version) => ({
    description: `version ${version} under the ethertype of IPv6`,
    frame: ethernet(ipv6({ version }, udp()), { type: 0x86dd }),
    copies: [],
  })),
  {
    description: "IPv6 under the PPP protocol of IPv4",
    frame: ethernet(packet6, { pppoe: 5, type: 0x0021 }),
    copies: [],
  },
  {
    description: "an IPv4 checksum that is wrong is not ours to judge",
    frame: ethernet(Buffer.concat([packet.subarray(0, 10), Buffer.from([0, 0]), packet.subarray(12)])),
    copies: [Buffer.concat([packet.subarray(0, 10), Buffer.from([0, 0]), packet.subarray(12)])],
  },
  {
    description: "extension headers that lead beyond the packet, under a policy of ports",
    intercepts: [{ ...both, dropPolicy: [{ destinationPorts: [0, 65_535] as const }] }],
    frame: ethernet(ipv6({}, raw(0, Buffer.from([60, 255, 0, 0, 0, 0, 0, 0])))),
    copies: [ipv6({}, raw(0, Buffer.from([60, 255, 0, 0, 0, 0, 0, 0])))],
  },
  {
    description: "more extension headers than are stepped over, under a policy of ports",
    intercepts: [{ ...both, dropPolicy: [{ destinationPorts: [0, 65_535] as const }] }],
    frame: ethernet(ipv6({ extensions: Array.from({ length: 9 }, () => ({ kind: "destination" as const })) }, udp())),
    copies: [ipv6({ extensions: Array.from({ length: 9 }, () => ({ kind: "destination" as const })) }, udp())],
  },
].map((fixture) => ({ intercepts: [both], direction: "from" as const, ...fixture }));

fixtureSuite("truncated headers", {}, truncated);
wireSuite("truncated headers on the wire", {}, cutOnTheWire);
fixtureSuite("malformed packets", {}, malformed);
fixtureSuite(
  "malformed packets, through the stack",
  { mediation: { way: "stack" } },
  malformed.map((fixture) => ({ ...fixture, counters: fixture.copies.length > 0 ? { throughStack: 1 } : {} })),
);
fixtureSuite(
  "malformed packets, to IPv6, checksums computed",
  { mediation: { udpChecksum: "computed" } },
  malformed.map((fixture) => ({
    ...fixture,
    intercepts: fixture.intercepts.map((spec) => ({ ...spec, mediation: { address: DEVICE6, port: 9 } })),
    counters: fixture.copies.length > 0 ? { throughStack: 1 } : {},
  })),
);

describe("what does not leave is counted", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  const down = ipv4(TO4, tcp());

  test("a packet that came in by the helper pair is a copy", () => {
    runFixture(rig, { description: "", direction: "to", frame: ethernet(down), copies: [down] });
    runFixture(rig, {
      description: "",
      direction: "to",
      frame: ethernet(down),
      context: { ingressIfindex: ifindexOf("submirror-in") },
      copies: [],
    });
  });

  test("a match that leads to no intercept: stale_intercept", () => {
    rig.clear();
    rig.install([intercept()]);
    const key = Host4Key.encode({ zone: 0, address: addressBytes(SUBSCRIBER4).readUInt32BE() });
    const targets = Targets.encode({ count: 1, intercept: [1_000_000, 0, 0, 0, 0, 0, 0, 0] });
    rig.map("hosts4").update(key, targets);
    const changes = rig.changes(() => assert.equal(rig.run("access_ingress", ethernet(packet)).verdict, -1));
    assert.deepEqual(changes, { "dropped.stale_intercept": 1 });
  });

  test("a table of targets that says more than it holds is read to its end", () => {
    rig.clear();
    rig.install([numbered(1)]);
    const key = Host4Key.encode({ zone: 0, address: addressBytes(SUBSCRIBER4).readUInt32BE() });
    const [slot = 0] = Targets.decode(rig.map("hosts4").lookup(key) ?? Buffer.alloc(Targets.size)).intercept;
    rig.map("hosts4").update(key, Targets.encode({ count: 0xffff_ffff, intercept: Array<number>(8).fill(slot) }));
    const changes = rig.changes(() => rig.run("access_ingress", ethernet(packet)));
    assert.deepEqual(changes, { "from.packets": 1, "from.bytes": packet.length });
    assert.equal(rig.med0.expect(1).length, 1);
  });

  test("an egress queue that is full: clone", () => {
    rig.clear();
    rig.install([intercept()]);
    execFileSync("tc", ["qdisc", "replace", "dev", "med0", "root", "pfifo", "limit", "0"]);
    const changes = rig.changes(() => assert.equal(rig.run("access_ingress", ethernet(packet)).verdict, -1));
    execFileSync("tc", ["qdisc", "delete", "dev", "med0", "root"]);
    assert.deepEqual(changes, { "dropped.clone": 1 });
    assert.equal(rig.datapath.interceptCounters("intercept-1")?.dropped, 1n);
  });

  test("no program where the copy was handed to: not_taken", () => {
    rig.clear();
    rig.install([intercept({ mediation: { address: "192.0.2.80", port: 9 } })]);
    const core = Buffer.alloc(4);
    core.writeUInt32LE(rig.core0.ifindex);
    rig.map("mediation_interfaces").update(core, Buffer.alloc(4));
    const changes = rig.changes(() => assert.equal(rig.run("access_ingress", ethernet(packet)).verdict, -1));
    rig.map("mediation_interfaces").delete(core);
    assert.deepEqual(changes, { "dropped.not_taken": 1 });
  });
});
