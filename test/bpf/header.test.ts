/** What is put in front of a copy: Junos and Nokia, both outer families, ports, TTL, DSCP, the UDP checksum. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { decapsulate } from "./datagram.js";
import { type Fixture, fixtureSuite } from "./fixtures.js";
import { intercept } from "./intercepts.js";
import { ethernet, ipv4, ipv6, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { DEVICE4, DEVICE6, Rig, type RigOptions } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";

const up = ipv4({}, udp());
const down = ipv4(TO4, tcp());
const up6 = ipv6({}, udp());
const down6 = ipv6(TO6, tcp());

const both: Partial<InterceptSpec> = {
  matches: [
    { kind: "ipv4", prefix: "100.64.0.7/32" },
    { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
  ],
};

/** Each packet of both directions, with the given intercept. */
function everyPacket(description: string, spec: InterceptSpec, counters: Fixture["counters"] = {}): Fixture[] {
  return (
    [
      ["IPv4 from", "from", up],
      ["IPv4 to", "to", down],
      ["IPv6 from", "from", up6],
      ["IPv6 to", "to", down6],
    ] as const
  ).map(([what, direction, packet]) => ({
    description: `${description}, ${what}`,
    intercepts: [spec],
    direction,
    frame: ethernet(packet),
    copies: [packet],
    counters,
  }));
}

const LARGEST_JUNOS = { format: "junos", interceptId: 0x3fff_ffff, sessionId: 0xffff_ffff } as const;
const LARGEST_NOKIA = { format: "nokia", interceptId: 0x1fff_ffff, sessionId: 0xffff_ffff } as const;

const fixtures: Fixture[] = [DEVICE4, DEVICE6].flatMap((address) => [
  ...everyPacket(`Junos to ${address}`, intercept({ ...both, mediation: { address, port: 30_030 } })),
  ...everyPacket(
    `Junos, the largest ids, to ${address}`,
    intercept({ ...both, header: LARGEST_JUNOS, mediation: { address, port: 65_535 } }),
  ),
  ...everyPacket(
    `Nokia to ${address}`,
    intercept({
      ...both,
      header: { format: "nokia", interceptId: 0x300, sessionId: 0x90 },
      mediation: { address, port: 30_030 },
    }),
  ),
  ...everyPacket(
    `Nokia, the largest ids, to ${address}`,
    intercept({ ...both, header: LARGEST_NOKIA, mediation: { address, port: 1 } }),
  ),
  ...everyPacket(
    `a port for each direction, to ${address}`,
    intercept({ ...both, mediation: { address, port: 4001, portTo: 4002 } }),
  ),
  ...everyPacket(
    `DSCP of the intercept, to ${address}`,
    intercept({ ...both, dscp: 46, mediation: { address, port: 9 } }),
  ),
  ...everyPacket(
    `all bits of the DSCP, to ${address}`,
    intercept({ ...both, dscp: 63, mediation: { address, port: 9 } }),
  ),
]);

const OTHER: RigOptions = { mediation: { sourcePort: 1, ttl: 7, dscp: 10 } };
const configured: Fixture[] = [DEVICE4, DEVICE6].flatMap((address) => [
  ...everyPacket(
    `source port, TTL and DSCP of the node, to ${address}`,
    intercept({ ...both, mediation: { address, port: 9 } }),
  ),
  ...everyPacket(
    `the intercept's DSCP goes before the node's, to ${address}`,
    intercept({ ...both, dscp: 0, mediation: { address, port: 9 } }),
  ),
]);

/** Odd lengths, and lengths around the chunks in which the program sums. */
const LENGTHS = [28, 29, 47, 467, 468, 469, 495, 496, 497, 980, 1007, 1008, 1009, 1500];
const checksums: Fixture[] = [DEVICE4, DEVICE6].flatMap((address) => [
  ...everyPacket(
    `UDP checksum, to ${address}`,
    intercept({ ...both, header: LARGEST_NOKIA, mediation: { address, port: 9 } }),
    { throughStack: 1 },
  ),
  ...LENGTHS.map((length): Fixture => {
    const packet = ipv4({}, udp({}, pattern(length - 28, length)));
    return {
      description: `UDP checksum over a packet of ${length} bytes, to ${address}`,
      intercepts: [intercept({ mediation: { address, port: 9 } })],
      direction: "from",
      frame: ethernet(packet, { minimum: 60 }),
      copies: [packet],
      counters: { throughStack: 1 },
    };
  }),
]);

fixtureSuite("headers", {}, fixtures);
fixtureSuite("the node's own settings", OTHER, configured);
fixtureSuite("computed UDP checksums", { mediation: { udpChecksum: "computed" } }, checksums);
fixtureSuite(
  "the node's own settings, through the stack",
  { mediation: { ...OTHER.mediation, way: "stack" } },
  configured.map((fixture) => ({ ...fixture, counters: { throughStack: 1 } })),
);

describe("by hand", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  /** Bytes from the UDP ports on. */
  function sent(spec: InterceptSpec, program: string, packet: Buffer): string {
    rig.clear();
    rig.install([spec]);
    rig.run(program, ethernet(packet));
    const [frame] = rig.med0.expect(1);
    assert.ok(frame);
    return frame.toString("hex", 14 + 20);
  }

  test("the handle 0000030000000090", () => {
    const length = (8 + 8 + up.length).toString(16).padStart(4, "0");
    assert.equal(
      sent(intercept(), "access_ingress", up),
      `9c5e 754e ${length} 0000 00000300 00000090`.replaceAll(" ", "") + up.toString("hex"),
    );
  });

  test("the Nokia shim of both directions", () => {
    const spec = intercept({ header: { format: "nokia", interceptId: 0x300, sessionId: 0x90 } });
    assert.equal(sent(spec, "access_ingress", up).slice(16, 32), "4000030000000090");
    assert.equal(sent(spec, "access_egress", down).slice(16, 32), "6000030000000090");
  });

  test("a checksum that comes out as zero is sent as all ones", async () => {
    rig[Symbol.dispose]();
    rig = await Rig.open({ mediation: { udpChecksum: "computed" } });
    rig.install([intercept()]);
    // What is missing from the sum is put where no other checksum minds: into the inner UDP checksum itself.
    const filled = ipv4({}, udp({}, Buffer.alloc(2)));
    rig.run("access_ingress", ethernet(filled));
    const [frame] = rig.med0.expect(1);
    assert.ok(frame);
    const missing = frame.readUInt16BE(14 + 20 + 6);
    filled.writeUInt16BE((filled.readUInt16BE(26) + missing) % 0xffff, 26);
    rig.run("access_ingress", ethernet(filled));
    const [answer] = rig.med0.expect(1);
    assert.ok(answer);
    assert.equal(answer.readUInt16BE(14 + 20 + 6), 0xffff);
    assert.ok(decapsulate(answer.subarray(14)).checksumRight);
  });
});
