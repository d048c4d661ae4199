/**
 * Random and mutated packets at every program. FUZZ=1000000 for so many at each (20,000 unless given), SEED=7 for others.
 * An access program lets every packet go on as it was; a program behind it touches nothing that it was not handed.
 */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { Limits } from "../../src/datapath/layout.gen.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { type Context, contextBytes } from "./context.js";
import { decapsulate } from "./datagram.js";
import { PacketSource } from "./fuzz-packets.js";
import { leaveOrder, NO_ORDER } from "./handover.js";
import { numbered } from "./intercepts.js";
import { ifindexOf, Wire } from "./network.js";
import { macBytes, REMOTE4, ROUTER_MAC } from "./packets.js";
import { DEVICE6, Rig, type RigOptions } from "./rig.js";
import { AttachedXdp, XDP } from "./xdp.js";

const COUNT = Number(process.env["FUZZ"] ?? 20_000);
const SEED = Number(process.env["SEED"] ?? 1);

const GO_ON = -1;
const OK = 0;
const SHOT = 2;
const REDIRECT = 7;
/** First bytes of frames on the helper pair. */
const NOTES: readonly number[] = [0x5a, 0x5c, 0x5e];
const TTL_AND_CHECKSUM = new Set([21, 22, 24, 25]);

/** Something of everything, so that most packets are copied, in several ways. */
const INTERCEPTS: readonly InterceptSpec[] = [
  numbered(1, { matches: [{ kind: "interface", name: "acc0" }], multicast: true }),
  numbered(2, { matches: [{ kind: "interface", name: "acct0" }], mediation: { address: DEVICE6, port: 9 } }),
  numbered(3, {
    matches: [{ kind: "ipv4", prefix: "0.0.0.0/0" }],
    dropPolicy: [{ destinationPorts: [1, 60] }, { dscp: 7 }],
  }),
  numbered(4, {
    matches: [{ kind: "ipv6", prefix: "::/0" }],
    snapLength: 90,
    mediation: { address: DEVICE6, port: 9 },
  }),
  numbered(5, { matches: [{ kind: "vlan", svlan: 100 }], rate: { bytesPerSecond: 1_000_000, burstBytes: 100_000 } }),
  numbered(6, {
    matches: [{ kind: "vlan", svlan: 100, cvlan: 7 }],
    header: { format: "nokia", interceptId: 6, sessionId: 7 },
  }),
  numbered(7, { matches: [{ kind: "pppoe", sessionId: 5, mac: "02:00:5e:10:00:07" }] }),
  numbered(8, {
    matches: [
      { kind: "ipv4", prefix: "100.64.0.7/32" },
      { kind: "ipv6", prefix: "2001:db8:1::/64" },
    ],
  }),
];

function sourceFor(rig: Rig, program: string): PacketSource {
  return new PacketSource({
    seed: SEED,
    interfaces: [rig.acc0.ifindex, rig.acc1.ifindex, rig.acct0.ifindex],
    withoutLinkLayer: program.endsWith("_l3") || program === "springboard_egress",
  });
}

function fail(program: string, frame: Buffer, context: Context, what: string): never {
  assert.fail(`${program}: ${what}, frame ${frame.toString("hex")}, context ${JSON.stringify(context)}, SEED=${SEED}`);
}

/** Runs `COUNT` packets and says how fast. */
function fuzz(context: TestContext, program: string, once: (number: number) => void): void {
  const begun = performance.now();
  for (let number = 0; number < COUNT; number++) once(number);
  const seconds = (performance.now() - begun) / 1000;
  context.diagnostic(`${program}: ${COUNT} packets, SEED=${SEED}, ${Math.round(COUNT / seconds)} a second`);
}

/** Copies come out of the stack in its own time: frames that one may still be of. */
class RecentFrames {
  readonly #frames: Buffer[] = [];
  #next = 0;

  add(frame: Buffer): void {
    this.#frames[this.#next] = frame;
    this.#next = (this.#next + 1) % 4000;
  }

  /** True where `copy` is part of one of them. */
  hold(copy: Buffer): boolean {
    return this.#frames.some((frame) => frame.includes(copy));
  }
}

/** Multicast listener reports and neighbour discovery, which the kernel sends of its own and which are mirrored as any. */
function isKernelsOwn(packet: Buffer): boolean {
  return packet.readUInt8(0) >>> 4 === 6 && packet.readUInt16BE(24) === 0xff02;
}

/** What left whole must be part of the frame that it is a copy of. */
function checkCopies(rig: Rig, program: string, frame: Buffer, context: Context, recent: RecentFrames): void {
  for (const sent of rig.med0.drain()) {
    const packet = sent.subarray(14);
    const isIpv6 = (packet[0] ?? 0) >> 4 === 6;
    const isFragment = isIpv6 ? packet[6] === 44 : (packet.readUInt16BE(6) & 0x3fff) !== 0;
    if (isFragment) continue;
    const { inner, checksumRight } = decapsulate(packet);
    if (!checksumRight) fail(program, frame, context, "a UDP checksum is wrong");
    if (!frame.includes(inner) && !recent.hold(inner) && !isKernelsOwn(inner))
      fail(program, frame, context, `a copy is of nothing that was sent: ${inner.toString("hex")}`);
  }
}

const ACCESS = ["access_ingress", "access_egress", "access_ingress_l3", "access_egress_l3"];
/** Told by host addresses alone: most packets then take the shortest way. */
const HOSTS: readonly InterceptSpec[] = [
  numbered(1),
  numbered(2, { matches: [{ kind: "ipv4", prefix: `${REMOTE4}/32` }] }),
  numbered(3, { matches: [{ kind: "ipv6", prefix: "2001:db8:1::/64" }] }),
  // Without a link layer, what says that a packet is IP stands in the source address.
  numbered(4, {
    matches: [
      { kind: "ipv4", prefix: "8.0.0.7/32" },
      { kind: "ipv6", prefix: "2001:db8:86dd::/64" },
    ],
  }),
];
const WAYS: readonly (readonly [string, readonly InterceptSpec[], RigOptions])[] = [
  ["straight", INTERCEPTS, {}],
  ["straight, of hosts", HOSTS, {}],
  ["through the stack", INTERCEPTS, { mediation: { way: "stack", udpChecksum: "computed" }, mediationMtu: 1400 }],
];

for (const [way, intercepts, options] of WAYS)
  describe(`access programs, copies ${way}`, () => {
    let rig: Rig;
    before(async () => {
      rig = await Rig.open(options);
      rig.install(intercepts);
    });
    after(() => rig[Symbol.dispose]());

    for (const program of ACCESS)
      test(`${program}: every packet goes on as it was`, (context) => {
        const source = sourceFor(rig, program);
        const loaded = rig.datapath.object.program(program);
        const recent = new RecentFrames();
        const changes = rig.changes(() =>
          fuzz(context, program, (number) => {
            const { frame, context: fields } = source.next();
            // A test run strips an Ethernet header from what it clones, which a packet without one has not.
            const look = number % 16 === 0 && fields.gsoSize === undefined && !program.endsWith("_l3");
            if (look) rig.med0.drain();
            const ctx = contextBytes(fields);
            const result = loaded.testRun({ data: frame, ctx });
            if ((result.retval | 0) !== GO_ON) fail(program, frame, fields, `verdict ${result.retval | 0}`);
            if (!result.data.equals(frame)) fail(program, frame, fields, "the packet was changed");
            if (!result.ctx?.equals(ctx)) fail(program, frame, fields, "the packet's metadata was changed");
            recent.add(frame);
            if (look) checkCopies(rig, program, frame, fields, recent);
          }),
        );
        context.diagnostic(`${program}: ${JSON.stringify(changes)}`);
        const direction = program.includes("ingress") ? "from" : "to";
        assert.ok((changes[`${direction}.packets`] ?? 0) > COUNT / 20, "hardly anything was mirrored");
      });
  });

describe("programs behind the access interfaces, not handed anything", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
    rig.install(INTERCEPTS);
  });
  after(() => rig[Symbol.dispose]());

  for (const program of ["mediation_egress", "mediation_egress_l3"])
    test(`${program}: a packet goes on; only the TTL of a copy from the stack changes`, (context) => {
      const source = sourceFor(rig, program);
      const loaded = rig.datapath.object.program(program);
      const pairIfindex = ifindexOf("submirror-in");
      fuzz(context, program, () => {
        const { frame, context: fields } = source.next();
        const fromStack = source.below(8) === 0;
        const given = fromStack ? { ...fields, ingressIfindex: pairIfindex } : fields;
        const result = loaded.testRun({ data: frame, ctx: contextBytes(given) });
        if ((result.retval | 0) !== GO_ON) fail(program, frame, given, `verdict ${result.retval | 0}`);
        const shift = program.endsWith("_l3") ? 14 : 0;
        const changed = [...frame.keys()].filter((at) => frame[at] !== result.data[at]);
        const allowed = fromStack ? changed.every((at) => TTL_AND_CHECKSUM.has(at + shift)) : changed.length === 0;
        if (!allowed || result.data.length !== frame.length) fail(program, frame, given, "the packet was changed");
      });
    });

  for (const [program, verdicts] of [
    ["stack_egress", [GO_ON]],
    ["stack_ingress", [GO_ON, OK, SHOT, REDIRECT]],
    ["springboard_egress", [SHOT]],
    ["tap_ingress", [SHOT, GO_ON]],
  ] as const)
    test(`${program}: nothing is touched that is no copy`, (context) => {
      const source = sourceFor(rig, program);
      const loaded = rig.datapath.object.program(program);
      fuzz(context, program, (number) => {
        const { frame, context: fields } = source.next();
        const result = loaded.testRun({ data: frame, ctx: contextBytes(fields) });
        if (!(verdicts as readonly number[]).includes(result.retval | 0))
          fail(program, frame, fields, `verdict ${result.retval | 0}`);
        const isNote = program === "stack_ingress" && NOTES.includes(frame[0] ?? 0);
        if (!isNote && !result.data.equals(frame)) fail(program, frame, fields, "the packet was changed");
        if (number % 1000 === 0) rig.med0.drain();
      });
    });
});

describe("programs behind the access interfaces, handed what is nonsense", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
    rig.install(INTERCEPTS);
  });
  after(() => rig[Symbol.dispose]());

  for (const program of ["mediation_egress", "stack_egress", "springboard_egress"])
    test(`${program}: a verdict of its own, whatever the order says`, (context) => {
      const source = sourceFor(rig, program);
      const loaded = rig.datapath.object.program(program);
      fuzz(context, program, () => {
        const { frame, context: fields } = source.next();
        const order = {
          busy: 1,
          // Only mediation_egress is ever handed a header that is ready.
          armed: program === "mediation_egress" ? 1 + source.below(2) : 1,
          intercept: source.below(12),
          direction: source.below(4),
          ip_offset: source.below(70),
          ip_length: source.below(4) === 0 ? source.below(0x1_0000) : frame.length,
          packets: source.below(100),
          through_stack: source.below(2),
          protocol: source.below(0x1_0000),
          outcome: 0,
          outer4: Array.from({ length: Limits.OUTER4_ROOM_WORDS }, () => BigInt(source.below(0x1_0000_0000))),
        };
        const run = () => {
          leaveOrder(rig, order);
          return loaded.testRun({ data: frame, ctx: contextBytes(fields) }).retval;
        };
        const first = run();
        // A packet of the kernel's own (neighbour discovery) may have passed on the wire and taken the order.
        const retval = [OK, SHOT, REDIRECT].includes(first) ? first : run();
        if (![OK, SHOT, REDIRECT].includes(retval)) fail(program, frame, fields, `verdict ${retval}`);
      });
      leaveOrder(rig, NO_ORDER);
    });

  test("stack_ingress: notes of every kind", (context) => {
    const source = sourceFor(rig, "stack_ingress");
    const loaded = rig.datapath.object.program("stack_ingress");
    fuzz(context, "stack_ingress", (number) => {
      const { frame, context: fields } = source.next();
      frame[0] = NOTES[source.below(NOTES.length)] as number;
      frame[1] = source.below(16) === 0 ? source.below(256) : 0;
      frame[3] = source.below(4) === 0 ? source.below(256) : 14;
      frame.writeUInt32LE(source.below(12), 4);
      const { retval } = loaded.testRun({ data: frame, ctx: contextBytes(fields) });
      if (![GO_ON, OK, SHOT, REDIRECT].includes(retval | 0)) fail("stack_ingress", frame, fields, `verdict ${retval}`);
      if (number % 1000 === 0) rig.med0.drain();
    });
  });
});

for (const [mode, on, verdicts] of [
  ["xdp-tap", "acc0", [XDP.DROP, XDP.PASS, XDP.REDIRECT]],
  ["xdp-forward", "acc0", [XDP.PASS, XDP.REDIRECT]],
  ["xdp-forward", "core0", [XDP.PASS, XDP.REDIRECT]],
] as const)
  describe(`XDP, ${mode} on ${on}`, () => {
    let rig: Rig;
    let vlan: Wire;
    before(async () => {
      rig = await Rig.open({ mode });
      vlan = new Wire("vlan100", { mac: ROUTER_MAC });
      await rig.settled();
      rig.takeForVlan(vlan, { lower: rig[on], id: 100, roles: [], more: { mac: ROUTER_MAC } });
      rig.install([
        numbered(8, {
          matches: [
            { kind: "ipv4", prefix: "100.64.0.7/32" },
            { kind: "ipv6", prefix: "::/0" },
          ],
        }),
        // Several for some: xdp-tap leaves those to tc.
        numbered(9, { matches: [{ kind: "ipv6", prefix: "2001:db8:1::/64" }] }),
      ]);
    });
    after(() => {
      vlan[Symbol.dispose]();
      rig[Symbol.dispose]();
    });

    test("what it leaves to the stack is as it was", (context) => {
      const source = sourceFor(rig, mode);
      using program = new AttachedXdp(on);
      const mac = macBytes(on === "core0" ? "02:00:5e:30:00:01" : ROUTER_MAC);
      const seen = new Map<number, number>();
      fuzz(context, mode, () => {
        const { frame, context: fields } = source.next();
        if (source.below(8) > 0) mac.copy(frame);
        const { verdict, frame: data } = program.run(frame);
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        if (!(verdicts as readonly number[]).includes(verdict)) fail(mode, frame, fields, `verdict ${verdict}`);
        if (verdict === XDP.PASS && !data.equals(frame)) fail(mode, frame, fields, "the frame was changed");
      });
      context.diagnostic(`verdicts: ${JSON.stringify(Object.fromEntries(seen))}`);
      assert.equal(seen.size, verdicts.length, "not every verdict came");
    });
  });
