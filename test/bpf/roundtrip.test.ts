/** Property: whatever a subscriber sends or is sent, taking the outer headers off its copy gives it back. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { anyLink, type Link, packet4, packet6 } from "./arbitraries.js";
import { decapsulate, received } from "./datagram.js";
import { intercept, outerOf } from "./intercepts.js";
import { addressBytes, ethernet, REMOTE4, REMOTE6, SUBSCRIBER4, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { DEVICE4, DEVICE6, Rig, type RigOptions } from "./rig.js";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 150);
const SEED = process.env["SEED"] === undefined ? {} : { seed: Number(process.env["SEED"]) };

interface Case {
  readonly direction: "from" | "to";
  readonly packet: Buffer;
  readonly link: Link;
  readonly spec: InterceptSpec;
}

const FROM4 = { source: SUBSCRIBER4, destination: REMOTE4 };
const FROM6 = { source: SUBSCRIBER6, destination: REMOTE6 };

const packets = fc.oneof(
  packet4(FROM4).map((packet) => ({ direction: "from" as const, packet })),
  packet6(FROM6).map((packet) => ({ direction: "from" as const, packet })),
  packet4(TO4).map((packet) => ({ direction: "to" as const, packet })),
  packet6(TO6).map((packet) => ({ direction: "to" as const, packet })),
);

const port = fc.integer({ min: 1, max: 65_535 });
const specs = fc
  .record({
    format: fc.constantFrom("junos" as const, "nokia" as const),
    interceptId: fc.integer({ min: 0, max: 0x1fff_ffff }),
    sessionId: fc.integer({ min: 0, max: 0xffff_ffff }),
    address: fc.constantFrom(DEVICE4, DEVICE6),
    port,
    portTo: port,
    dscp: fc.integer({ min: 0, max: 63 }),
  })
  .map(({ format, interceptId, sessionId, address, port: from, portTo, dscp }) =>
    intercept({
      matches: [
        { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
        { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
      ],
      header: { format, interceptId, sessionId },
      mediation: { address, port: from, portTo },
      dscp,
    }),
  );

function check(rig: Rig, { direction, packet, link, spec }: Case): void {
  rig.clear();
  rig.install([spec]);
  const frame = ethernet(packet, link.link);
  const run = rig.run(direction === "from" ? "access_ingress" : "access_egress", frame, {}, "acc0", link.tag);
  assert.equal(run.verdict, -1);
  assert.equal(run.packet.toString("hex"), frame.toString("hex"));
  const [first, ...more] = rig.med0.expect(1);
  assert.ok(first, "no copy came");
  const [whole] = received([first, ...more].map((part) => part.subarray(14)));
  assert.ok(whole);
  const copy = decapsulate(whole.packet);
  const outer = outerOf(spec, direction, rig.mediation);
  assert.equal(copy.inner.toString("hex"), packet.toString("hex"));
  assert.equal(copy.shim.toString("hex"), outer.shim.toString("hex"));
  assert.deepEqual(copy.source, addressBytes(outer.source));
  assert.deepEqual(copy.destination, addressBytes(outer.destination));
  assert.deepEqual(copy.ports, [outer.sourcePort, outer.destinationPort]);
  assert.ok(copy.checksumRight, "the UDP checksum is wrong");
}

const WAYS: readonly (readonly [string, RigOptions])[] = [
  ["straight", {}],
  ["through the stack", { mediation: { way: "stack" } }],
  ["checksums computed", { mediation: { udpChecksum: "computed" } }],
  ["in fragments where they must be", { mediationMtu: 1280 }],
  ["straight, without kfuncs", { object: "tc-61.o" }],
];

for (const [what, options] of WAYS)
  describe(`encapsulate and decapsulate, ${what}`, () => {
    let rig: Rig;
    before(async () => {
      rig = await Rig.open(options);
    });
    after(() => rig[Symbol.dispose]());

    test(`gives the packet, ${RUNS} times`, () => {
      fc.assert(
        fc.property(packets, anyLink, specs, (sent, link, spec) => check(rig, { ...sent, link, spec })),
        { numRuns: RUNS, ...SEED },
      );
    });
  });
