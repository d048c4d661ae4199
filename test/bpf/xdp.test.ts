/** The XDP programs by themselves: the copies of a tap, and originals that are forwarded or left to the stack. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { datagram, withoutId } from "./datagram.js";
import { assertCopies } from "./fixtures.js";
import { intercept, outerOf } from "./intercepts.js";
import { ip } from "./network.js";
import { ETHERTYPE, ethernet, ipv4, ipv6, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { DEVICE6, mediationFrame, Rig } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";
import { runXdp, XDP } from "./xdp.js";

const { DROP, PASS, REDIRECT } = XDP;

const matches = [
  { kind: "ipv4", prefix: "100.64.0.7/32" },
  { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
] as const;
const plain = intercept({ matches });
const to6 = intercept({ matches, mediation: { address: DEVICE6, port: 9, portTo: 10 }, dscp: 46 });
const nokia = intercept({ matches, header: { format: "nokia", interceptId: 5, sessionId: 6 } });

const up4 = ipv4({}, udp({}, pattern(200)));
const up6 = ipv6({}, tcp({}, pattern(200)));
const down4 = ipv4(TO4, tcp({}, pattern(200)));
const down6 = ipv6(TO6, udp({}, pattern(200)));

function install(rig: Rig, ...specs: InterceptSpec[]): void {
  rig.clear();
  rig.install(specs);
}

describe("xdp_tap", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-tap" });
  });
  after(() => rig[Symbol.dispose]());

  for (const spec of [plain, to6, nokia])
    for (const [what, direction, packet] of [
      ["IPv4 from", "from", up4],
      ["IPv4 to", "to", down4],
      ["IPv6 from", "from", up6],
      ["IPv6 to", "to", down6],
    ] as const)
      for (const link of [{}, { tags: [{ id: 100 }] }, { tags: [{ id: 100, type: ETHERTYPE.svlan }] }])
        test(`${what} the subscriber, ${JSON.stringify(link)}, ${spec.header.format} to ${spec.mediation.address}`, () => {
          install(rig, spec);
          const changes = rig.changes(() => {
            const run = runXdp("acc0", ethernet(packet, { ...link, minimum: 400 }));
            assert.equal(run.verdict, REDIRECT);
            const wanted = mediationFrame(datagram(outerOf(spec, direction), packet));
            const sent = Buffer.concat([run.frame.subarray(0, 14), withoutId(run.frame.subarray(14))]);
            assert.equal(sent.toString("hex"), wanted.toString("hex"));
          });
          assert.deepEqual(changes, { [`${direction}.packets`]: 1, [`${direction}.bytes`]: packet.length });
        });

  const LEFT: readonly (readonly [string, InterceptSpec, Buffer])[] = [
    ["an intercept with a drop policy", { ...plain, dropPolicy: [{ protocol: 1 }] }, ethernet(up4)],
    ["an intercept with a rate", { ...plain, rate: { bytesPerSecond: 1000, burstBytes: 1000 } }, ethernet(up4)],
    ["QinQ", plain, ethernet(up4, { tags: [{ id: 1 }, { id: 2 }] })],
    ["PPPoE", plain, ethernet(up4, { pppoe: 5 })],
    ["ARP", plain, ethernet(pattern(46), { type: 0x0806 })],
    ["what does not fit", plain, ethernet(ipv4({}, udp({}, pattern(1580))))],
    ["IPv4 that says more than there is", plain, ethernet(ipv4({ totalLength: 1000 }, udp()))],
    ...[0, 4, 19].map(
      (bytes) => [`IPv4 that says ${bytes}`, plain, ethernet(ipv4({ totalLength: bytes }, udp()))] as const,
    ),
    ["IPv4 with a header that is too short", plain, ethernet(ipv4({ headerWords: 4 }, udp()))],
    ["IPv6 that says more than there is", plain, ethernet(ipv6({ payloadLength: 1000 }, udp()))],
    ["another version", plain, ethernet(ipv4({ version: 5 }, udp()), { type: 0x0800 })],
  ];
  for (const [what, spec, frame] of LEFT)
    test(`${what}: left to tc, untouched`, () => {
      install(rig, spec);
      const changes = rig.changes(() => {
        const run = runXdp("acc0", frame);
        assert.equal(run.verdict, PASS);
        assert.equal(run.frame.toString("hex"), frame.toString("hex"));
      });
      assert.deepEqual(changes, {});
    });

  test("nobody's: ends here", () => {
    install(rig, plain);
    assert.equal(runXdp("acc0", ethernet(ipv4({ source: "100.64.0.8" }, udp()))).verdict, DROP);
  });

  test("a snap length", () => {
    install(rig, { ...plain, snapLength: 100 });
    const run = runXdp("acc0", ethernet(up4));
    assert.equal(run.verdict, REDIRECT);
    const wanted = datagram(outerOf(plain, "from"), up4.subarray(0, 100));
    assert.equal(withoutId(run.frame.subarray(14)).toString("hex"), wanted.toString("hex"));
  });
});

describe("xdp_forward", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-forward" });
  });
  after(() => rig[Symbol.dispose]());

  /** What the programs at the devmap entries need, in the metadata in front of the frame. */
  const NOTE_BYTES = 12;
  const CORE = { destination: "02:00:5e:30:00:80", source: "02:00:5e:30:00:01" };
  /** What comes in by core0 is addressed to it. */
  const TO_CORE = { destination: CORE.source };
  const ACCESS = { destination: "02:00:5e:10:00:07", source: "02:00:5e:10:00:01" };

  for (const [what, name, frame, routed] of [
    ["IPv4 from", "acc0", ethernet(up4), ethernet(ipv4({ ttl: 63 }, udp({}, pattern(200))), CORE)],
    ["IPv6 from", "acc0", ethernet(up6), ethernet(ipv6({ hopLimit: 63 }, tcp({}, pattern(200))), CORE)],
    ["IPv4 to", "core0", ethernet(down4, TO_CORE), ethernet(ipv4({ ...TO4, ttl: 63 }, tcp({}, pattern(200))), ACCESS)],
    [
      "IPv6 to",
      "core0",
      ethernet(down6, TO_CORE),
      ethernet(ipv6({ ...TO6, hopLimit: 63 }, udp({}, pattern(200))), ACCESS),
    ],
  ] as const)
    test(`${what} the subscriber: the original is routed as the kernel would route it`, () => {
      install(rig, plain);
      const run = runXdp(name, frame);
      assert.equal(run.verdict, REDIRECT);
      assert.equal(run.frame.toString("hex", NOTE_BYTES), routed.toString("hex"));
    });

  const numberOf = (count: number): InterceptSpec[] =>
    Array.from({ length: count }, (_, index) =>
      intercept({
        key: `intercept-${index}`,
        matches,
        header: { format: "nokia", interceptId: index + 1, sessionId: 7 },
        mediation: index % 2 === 0 ? plain.mediation : to6.mediation,
      }),
    );
  for (const [what, into, out, direction, inFront, behind] of [
    ["IPv4 from", "acc0", "core0", "from", up4, ipv4({ ttl: 63 }, udp({}, pattern(200)))],
    ["IPv6 from", "acc0", "core0", "from", up6, ipv6({ hopLimit: 63 }, tcp({}, pattern(200)))],
    ["IPv4 to", "core0", "acc0", "to", down4, ipv4({ ...TO4, ttl: 63 }, tcp({}, pattern(200)))],
    ["IPv6 to", "core0", "acc0", "to", down6, ipv6({ ...TO6, hopLimit: 63 }, udp({}, pattern(200)))],
  ] as const)
    for (const count of [1, 2, 8])
      test(`${what} the subscriber, ${count} copies: they leave, and so does the original`, () => {
        const specs = numberOf(count);
        install(rig, ...specs);
        const earlier = rig.copiesByXdp();
        const changes = rig.changes(() => {
          rig[into].write(ethernet(inFront, { destination: into === "core0" ? CORE.source : ACCESS.source }));
          const copy = direction === "from" ? inFront : behind;
          assertCopies(
            rig,
            { direction },
            specs.map((of) => ({ packet: copy, of })),
          );
          const originals = rig[out].expect(1).map((frame) => frame.toString("hex"));
          assert.deepEqual(originals, [ethernet(behind, out === "core0" ? CORE : ACCESS).toString("hex")]);
        });
        assert.equal(changes[`${direction}.packets`], count);
        assert.equal(rig.copiesByXdp() - earlier, count);
      });

  const other = ipv4({ source: "100.64.0.8" }, udp());
  const LEFT: readonly (readonly [string, InterceptSpec, Buffer])[] = [
    ["somebody else's", plain, ethernet(other)],
    ["an intercept with a drop policy", { ...plain, dropPolicy: [{ protocol: 1 }] }, ethernet(up4)],
    ["a time to live of 1", plain, ethernet(ipv4({ ttl: 1 }, udp()))],
    ["a hop limit of 1", plain, ethernet(ipv6({ hopLimit: 1 }, udp()))],
    ["IPv4 options", plain, ethernet(ipv4({ options: Buffer.alloc(4, 1) }, udp()))],
    ["hop-by-hop options", plain, ethernet(ipv6({ extensions: [{ kind: "hop-by-hop" }] }, udp()))],
    ["to a group", plain, ethernet(ipv4({ destination: "233.252.0.1" }, udp()))],
    ["to a broadcast address", plain, ethernet(ipv4({ destination: "255.255.255.255" }, udp()))],
    ["to the node itself", plain, ethernet(ipv4({ destination: "192.0.2.1" }, udp()))],
    ["to where no route leads", plain, ethernet(ipv4({ destination: "203.0.113.1" }, udp()))],
    ["QinQ", plain, ethernet(up4, { tags: [{ id: 1 }, { id: 2 }] })],
    ["PPPoE", plain, ethernet(up4, { pppoe: 5 })],
    ["ARP", plain, ethernet(pattern(46), { type: 0x0806 })],
    ["a copy that does not fit", plain, ethernet(ipv4({}, udp({}, pattern(1580))))],
    ["IPv4 that says more than there is", plain, ethernet(ipv4({ totalLength: 1000 }, udp()))],
    ...[0, 4, 19].map(
      (bytes) => [`IPv4 that says ${bytes}`, plain, ethernet(ipv4({ totalLength: bytes }, udp()))] as const,
    ),
    ["an intercept that has ended", { ...plain, notAfter: Date.now() - 1000 }, ethernet(up4)],
  ];
  for (const [what, spec, frame] of LEFT)
    test(`${what}: left to the stack, untouched`, () => {
      install(rig, spec);
      const run = runXdp("acc0", frame);
      assert.equal(run.verdict, PASS);
      assert.equal(run.frame.toString("hex"), frame.toString("hex"));
    });
});

describe("xdp_forward, where copies leave by the interface of the originals", () => {
  test("tc mirrors, and the original is what it was", async () => {
    using rig = await Rig.open({ mode: "xdp-forward", alsoMediation: ["core0"] });
    const device = "192.0.2.99";
    ip("neighbour", "add", device, "lladdr", "02:00:5e:30:00:99", "dev", "core0", "nud", "permanent");
    const spec = { ...plain, mediation: { address: device, port: 9 } };
    install(rig, spec);
    rig.acc0.write(ethernet(up4));
    const frames = rig.core0.expect(2).map((frame) => withoutId(frame.subarray(14)).toString("hex"));
    const original = ipv4({ ttl: 63 }, udp({}, pattern(200)));
    const copy = datagram(outerOf(spec, "from"), up4);
    assert.deepEqual(frames.toSorted(), [withoutId(original), copy].map((one) => one.toString("hex")).toSorted());
    assert.equal(rig.copiesByXdp(), 0);
  });
});
