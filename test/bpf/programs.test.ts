/** The programs behind the access interfaces, one by one: exact bytes for what is ours, nothing touched that is not. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DropReason } from "../../src/datapath/layout.gen.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { datagram } from "./datagram.js";
import { deviceOf, type Order, runOrdered, slotOf } from "./handover.js";
import { intercept, outerOf } from "./intercepts.js";
import { ifindexOf, ip, Wire } from "./network.js";
import { ETHERTYPE, ethernet, ipv4, ipv6 } from "./packets.js";
import { DEVICE4, DEVICE6, mediationFrame, NODE4, NODE6, Rig } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";

const GO_ON = -1;
const OK = 0;
const SHOT = 2;
const REDIRECT = 7;
const KEY = "intercept-1";
const packet = ipv4({}, udp({}, pattern(100)));
const packet6 = ipv6({}, tcp({}, pattern(100)));
const S_TAG = { id: 200, type: ETHERTYPE.svlan } as const;

let rig: Rig;
before(async () => {
  rig = await Rig.open();
});
after(() => rig[Symbol.dispose]());

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The first 12 bytes of a frame on the helper pair. */
function note(kind: number, direction: number, ipOffset: number): Buffer {
  return Buffer.concat([Buffer.from([kind, GENERATION, direction, ipOffset]), word(slotOf(rig, KEY)), Buffer.alloc(4)]);
}

/** Of programs whose maps are not shared with another build's. */
const GENERATION = 0;
const COPY = 0x5a;
const DATAGRAM = 0x5c;
const FRAGMENT = 0x5e;

function frameOf(spec: InterceptSpec, inner: Buffer, { direction = "from", id = 0x1234 }: Partial<Order> = {}): Buffer {
  return mediationFrame(datagram(outerOf(spec, direction), inner, id));
}

const both = [intercept(), intercept({ mediation: { address: DEVICE6, port: 9, portTo: 10 }, dscp: 46 })];

describe("mediation_egress, handed over", () => {
  for (const spec of both)
    for (const direction of ["from", "to"] as const)
      for (const [what, link] of [
        ["untagged", {}],
        ["802.1Q", { tags: [{ id: 100 }] }],
        ["QinQ", { tags: [S_TAG, { id: 7 }] }],
        ["PPPoE", { pppoe: 5 }],
        ["PPPoE in QinQ", { tags: [S_TAG, { id: 7 }], pppoe: 5 }],
      ] as const)
        for (const inner of [packet, packet6])
          test(`IPv${inner === packet ? 4 : 6} ${direction}, ${what}, to ${spec.mediation.address}`, () => {
            rig.clear();
            rig.install([spec]);
            const frame = ethernet(inner, { ...link, minimum: 300 });
            const order: Order = {
              intercept: KEY,
              direction,
              ipOffset: ethernet(inner, link).length - inner.length,
              ipLength: inner.length,
            };
            const run = runOrdered(rig, "mediation_egress", frame, order);
            assert.equal(run.verdict, OK);
            assert.equal(run.outcome, 0);
            assert.equal(run.packet.toString("hex"), frameOf(spec, inner, { direction }).toString("hex"));
          });

  for (const id of [0, 1, 0x7fff, 0xfffe, 0xffff])
    test(`the identification ${id}`, () => {
      rig.clear();
      rig.install([intercept()]);
      const run = runOrdered(rig, "mediation_egress", ethernet(packet), { intercept: KEY, id });
      assert.equal(run.packet.toString("hex"), frameOf(intercept(), packet, { id }).toString("hex"));
    });

  test("an intercept that is no longer there: the copy is dropped, and the order says why", () => {
    rig.clear();
    rig.install([intercept()]);
    const run = runOrdered(rig, "mediation_egress", ethernet(packet), { intercept: KEY, slot: 1_000_000 });
    assert.equal(run.verdict, SHOT);
    assert.equal(run.outcome, DropReason.DROP_NO_ROUTE + 1);
  });

  test("a super-packet within PPPoE is dropped: link_layer", () => {
    rig.clear();
    rig.install([intercept()]);
    const frame = ethernet(ipv4({}, tcp({}, pattern(2000))), { pppoe: 5 });
    const order = { intercept: KEY, ipOffset: 22, packets: 2 };
    const run = runOrdered(rig, "mediation_egress", frame, order, { gsoSize: 1000, gsoSegments: 2 });
    assert.equal(run.verdict, SHOT);
    assert.equal(run.outcome, DropReason.DROP_LINK_LAYER + 1);
  });

  test("a super-packet that takes no outer header is sent to the helper pair to be cut first", () => {
    rig.clear();
    rig.install([intercept()]);
    const whole = ipv4({}, tcp({}, pattern(2000)));
    const order = { intercept: KEY, ipOffset: 18, packets: 2 };
    // Of no kind that the kernel knows: as one that is a tunnel, it is refused by adjust_room.
    const frame = ethernet(whole, { tags: [{ id: 100 }] });
    const run = runOrdered(rig, "mediation_egress", frame, order, { gsoSize: 1000, gsoSegments: 2 });
    assert.equal(run.verdict, REDIRECT);
    assert.equal(run.outcome, 0);
    assert.ok(run.throughStack);
    const sent = Buffer.concat([note(COPY, 0, 14), Buffer.from("0800", "hex"), whole]);
    assert.equal(run.packet.toString("hex"), sent.toString("hex"));
  });

  test("identifications of super-packets are advanced by their segments, also beyond a block of them", () => {
    rig.clear();
    rig.install([intercept()]);
    const device = word(deviceOf(rig, KEY));
    rig.map("identifications").update(device, word(0x5000));
    const first = runOrdered(rig, "mediation_egress", ethernet(packet), { intercept: KEY, id: 7, packets: 700 });
    const reserved = rig.map("identifications").lookup(device)?.readUInt32LE() ?? 0;
    const id = first.packet.readUInt16BE(14 + 4);
    assert.equal(id, 0x5000, "what was left of the block does not do for 700");
    assert.ok(reserved - id >= 700, `700 are in use from ${id} on, and ${reserved} is given to the next CPU`);
  });
});

describe("mediation_egress, not handed over", () => {
  for (const program of ["mediation_egress", "mediation_egress_l3"])
    for (const [what, frame] of [
      ["a subscriber's packet", ethernet(packet)],
      ["a datagram like ours", frameOf(intercept(), packet)],
      ["ARP", ethernet(pattern(46), { type: 0x0806 })],
      ["PPPoE", ethernet(packet6, { pppoe: 5 })],
    ] as const)
      test(`${program} lets ${what} pass untouched`, () => {
        rig.clear();
        rig.install([intercept()]);
        const run = rig.run(program, frame);
        assert.equal(run.verdict, GO_ON);
        assert.equal(run.packet.toString("hex"), frame.toString("hex"));
      });

  const routed = (address: string, ttl: number, tos = 0x2e): Buffer =>
    ethernet(
      address === DEVICE4
        ? ipv4({ source: NODE4, destination: DEVICE4, ttl, tos }, udp())
        : ipv6({ source: NODE6, destination: DEVICE6, hopLimit: ttl, trafficClass: tos }, udp()),
    );

  for (const address of [DEVICE4, DEVICE6]) {
    test(`a copy to ${address} that the stack has routed gets its TTL back`, () => {
      for (const tos of [0, 0x2e, 0xff]) {
        const run = rig.run("mediation_egress", routed(address, 254, tos), {
          ingressIfindex: ifindexOf("submirror-in"),
        });
        assert.equal(run.verdict, GO_ON);
        assert.equal(run.packet.toString("hex"), routed(address, 255, tos).toString("hex"));
      }
    });

    test(`the TTL to ${address} is set back once`, () => {
      for (const ttl of [255, 0, 1, 63, 253]) {
        const frame = routed(address, ttl);
        const run = rig.run("mediation_egress", frame, { ingressIfindex: ifindexOf("submirror-in") });
        assert.equal(run.packet.toString("hex"), frame.toString("hex"), `TTL ${ttl}`);
      }
    });

    test(`a packet to ${address} that came in elsewhere keeps its TTL`, () => {
      const run = rig.run("mediation_egress", routed(address, 254), { ingressIfindex: rig.acc0.ifindex });
      assert.equal(run.packet.toString("hex"), routed(address, 254).toString("hex"));
    });
  }
});

describe("the helper pair", () => {
  test("stack_egress notes whose copy it is, and takes the tags off", () => {
    rig.clear();
    rig.install([intercept()]);
    for (const [link, left] of [
      [{}, {}],
      [{ tags: [S_TAG, { id: 7 }] }, {}],
      [{ pppoe: 5 }, { pppoe: 5 }],
      [{ tags: [{ id: 7 }], pppoe: 5 }, { pppoe: 5 }],
    ] as const) {
      const frame = ethernet(packet, link);
      const ipOffset = frame.length - packet.length;
      const run = runOrdered(rig, "stack_egress", frame, { intercept: KEY, direction: "to", ipOffset });
      const behind = ethernet(packet, left);
      assert.equal(run.verdict, OK);
      assert.equal(run.outcome, 0);
      const wanted = Buffer.concat([note(COPY, 1, behind.length - packet.length), behind.subarray(12)]);
      assert.equal(run.packet.toString("hex"), wanted.toString("hex"));
    }
  });

  test("stack_egress leaves alone what it was not handed", () => {
    for (const frame of [
      ethernet(packet),
      ethernet(packet, { tags: [{ id: 7 }] }),
      Buffer.concat([note(COPY, 0, 14), ethernet(packet).subarray(12)]),
    ]) {
      const run = rig.run("stack_egress", frame);
      assert.equal(run.verdict, GO_ON);
      assert.equal(run.packet.toString("hex"), frame.toString("hex"));
    }
  });

  for (const spec of both)
    test(`stack_ingress makes a copy into a datagram to ${spec.mediation.address}`, () => {
      rig.clear();
      rig.install([spec]);
      for (const direction of ["from", "to"] as const)
        for (const link of [{}, { pppoe: 5 }] as const) {
          const behind = ethernet(packet, { ...link, minimum: 200 });
          const offset = ethernet(packet, link).length - packet.length;
          const flag = direction === "to" ? 1 : 0;
          const run = rig.run("stack_ingress", Buffer.concat([note(COPY, flag, offset), behind.subarray(12)]));
          assert.equal(run.verdict, REDIRECT);
          const id = run.packet.readUInt16BE(14 + 4);
          const wanted = Buffer.concat([
            note(DATAGRAM, flag, 0),
            frameOf(spec, packet, { direction, id }).subarray(12),
          ]);
          assert.equal(run.packet.toString("hex"), wanted.toString("hex"));
        }
    });

  test("stack_ingress gives a datagram to the stack and counts it", () => {
    rig.clear();
    rig.install([intercept()]);
    const frame = Buffer.concat([note(DATAGRAM, 1, 0), frameOf(intercept(), packet, { direction: "to" }).subarray(12)]);
    const changes = rig.changes(() => {
      const run = rig.run("stack_ingress", frame);
      assert.equal(run.verdict, OK);
      assert.equal(run.packet.toString("hex"), frame.toString("hex"));
    });
    assert.deepEqual(changes, { "to.packets": 1, "to.bytes": packet.length, throughStack: 1 });
  });

  test("stack_ingress leaves alone what has no note of its generation", () => {
    const foreign = Buffer.concat([note(COPY, 0, 14), ethernet(packet).subarray(12)]);
    foreign[1] = GENERATION + 1;
    for (const frame of [ethernet(packet), ethernet(packet6, { tags: [{ id: 1 }] }), foreign]) {
      const run = rig.run("stack_ingress", frame);
      assert.equal(run.verdict, GO_ON);
      assert.equal(run.packet.toString("hex"), frame.toString("hex"));
    }
  });

  test("a copy of an intercept that is gone is counted and dropped", () => {
    const gone = Buffer.concat([Buffer.from([COPY, GENERATION, 0, 14]), word(1_000_000), Buffer.alloc(4)]);
    const changes = rig.changes(() => {
      const run = rig.run("stack_ingress", Buffer.concat([gone, ethernet(packet).subarray(12)]));
      assert.equal(run.verdict, SHOT);
    });
    assert.deepEqual(changes, { "dropped.stale_intercept": 1 });
  });
});

describe("IPv6 fragments", () => {
  const spec = both[1] as InterceptSpec;
  const inner = ipv4({}, udp({}, pattern(3000)));

  /** The fragment note; the direction is in the lowest bit of the index. */
  function fragmentNote(index: number, payloadBytes: number): Buffer {
    const bytes = Buffer.from([FRAGMENT, GENERATION, index << 1, 0xd4, 0xc3, 0xb2, 0, 0]);
    bytes.writeUInt16LE(payloadBytes, 6);
    return Buffer.concat([bytes, word(slotOf(rig, KEY))]);
  }

  /** 2420 bytes make a datagram of two pieces of 1232 bytes exactly. */
  for (const [bytes, payloadBytes] of [
    [3000, 8],
    [3000, 1232],
    [3000, 1448],
    [3000, 3016],
    [3000, 4096],
    [2420, 1232],
  ] as const)
    test(`each of the fragments of ${payloadBytes} bytes, of a packet of ${28 + bytes}`, () => {
      rig.clear();
      rig.install([spec]);
      const whole = datagram(outerOf(spec, "from"), ipv4({}, udp({}, pattern(bytes))));
      const payload = whole.subarray(40);
      const pieces = Math.min(40, Math.ceil(payload.length / payloadBytes));
      for (let index = 0; index < pieces; index++) {
        const frame = Buffer.concat([fragmentNote(index, payloadBytes), Buffer.from("86dd", "hex"), whole]);
        const offset = index * payloadBytes;
        const piece = payload.subarray(offset, offset + payloadBytes);
        const header = Buffer.from(whole.subarray(0, 40));
        header.writeUInt16BE(piece.length + 8, 4);
        header[6] = 44;
        const extension = Buffer.from([17, 0, 0, 0, 0xd4, 0xc3, 0xb2, 0]);
        extension.writeUInt16BE(offset | (offset + payloadBytes < payload.length ? 1 : 0), 2);
        const run = rig.run("stack_ingress", frame);
        assert.equal(run.verdict, OK);
        assert.equal(run.packet.toString("hex", 14), Buffer.concat([header, extension, piece]).toString("hex"));
      }
    });

  test("the first one counts for the copy", () => {
    rig.clear();
    rig.install([spec]);
    const whole = datagram(outerOf(spec, "from"), inner);
    const changes = rig.changes(() => {
      for (const index of [0, 1, 2])
        rig.run("stack_ingress", Buffer.concat([fragmentNote(index, 1232), Buffer.from("86dd", "hex"), whole]));
    });
    assert.deepEqual(changes, { "from.packets": 1, "from.bytes": inner.length, throughStack: 1 });
  });

  test("one that would begin behind the end is dropped", () => {
    const whole = datagram(outerOf(spec, "from"), inner);
    const run = rig.run("stack_ingress", Buffer.concat([fragmentNote(100, 1232), Buffer.from("86dd", "hex"), whole]));
    assert.equal(run.verdict, SHOT);
  });
});

describe("the springboard", () => {
  /** A test run takes bytes 12 and 13 for the ethertype: in this packet they say IPv6. */
  const source = "2001:db8:86dd::7";
  const bare = ipv6({ source }, udp());
  const spec = intercept({ matches: [{ kind: "ipv6", prefix: `${source}/128` }] });

  test("what was not handed over is dropped", () => {
    assert.equal(rig.run("springboard_egress", bare).verdict, SHOT);
  });

  test("through the stack: a link layer with a note", () => {
    rig.clear();
    rig.install([spec]);
    const run = runOrdered(rig, "springboard_egress", bare, {
      intercept: KEY,
      ipOffset: 0,
      throughStack: true,
      direction: "to",
    });
    assert.equal(run.verdict, REDIRECT);
    const wanted = Buffer.concat([note(COPY, 1, 14), Buffer.from("86dd", "hex"), bare]);
    assert.equal(run.packet.toString("hex"), wanted.toString("hex"));
  });
});

describe("a mediation interface without a link layer", () => {
  test("copies leave by it with their TTL", async () => {
    using own = await Rig.open();
    using tunnel = new Wire("medt0", { linkLayer: false, mtu: 1600 });
    ip("route", "add", "203.0.113.50", "dev", "medt0", "src", NODE4);
    ip("route", "add", "2001:db8:50::50", "dev", "medt0");
    own.datapath.followInterfaces();
    await own.inService("mediation", ["medt0"]);
    for (const address of ["203.0.113.50", "2001:db8:50::50"]) {
      own.clear();
      const spec = intercept({ mediation: { address, port: 9 } });
      own.install([spec]);
      const changes = own.changes(() => {
        own.run("access_ingress", ethernet(packet));
        const [received] = tunnel.expect(1);
        assert.ok(received);
        const id = address.includes(":") ? 0 : received.readUInt16BE(4);
        assert.equal(received.toString("hex"), datagram(outerOf(spec, "from"), packet, id).toString("hex"));
      });
      assert.deepEqual(changes, { "from.packets": 1, "from.bytes": packet.length, throughStack: 1 });
    }
  });
});
