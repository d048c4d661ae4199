/** tap_ingress: what XDP leaves of a tap's frames. They are copies already, of both directions, and end there. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertCopies, type Copy } from "./fixtures.js";
import { intercept, numbered } from "./intercepts.js";
import { ETHERTYPE, ethernet, ipv4, ipv6, SUBSCRIBER4, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { Rig } from "./rig.js";
import { pattern, tcp, udp } from "./transport.js";

const GO_ON = -1;
const SHOT = 2;

const up = ipv4({}, udp());
const down = ipv4(TO4, tcp());
const up6 = ipv6({}, udp());
const down6 = ipv6(TO6, tcp());
const both = intercept({
  matches: [
    { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
    { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
  ],
});
const neighbour = numbered(2, { matches: [{ kind: "ipv4", prefix: "192.0.2.80/32" }] });

describe("tap_ingress", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ zones: {} });
  });
  after(() => rig[Symbol.dispose]());

  for (const [what, direction, packet] of [
    ["IPv4 from the subscriber", "from", up],
    ["IPv4 to the subscriber", "to", down],
    ["IPv6 from the subscriber", "from", up6],
    ["IPv6 to the subscriber", "to", down6],
  ] as const)
    for (const link of [{}, { tags: [{ id: 100, type: ETHERTYPE.svlan }, { id: 7 }] }, { pppoe: 5 }])
      test(`${what}, ${JSON.stringify(link)}: mirrored, and ends here`, () => {
        rig.clear();
        rig.install([both]);
        const changes = rig.changes(() => {
          const frame = ethernet(packet, { ...link, minimum: 90 });
          const run = rig.run("tap_ingress", frame);
          assert.equal(run.verdict, SHOT);
          assert.equal(run.packet.toString("hex"), frame.toString("hex"));
          assertCopies(rig, { direction, intercepts: [both] }, [{ packet }]);
        });
        assert.deepEqual(changes, { [`${direction}.packets`]: 1, [`${direction}.bytes`]: packet.length });
      });

  test("from one subscriber to another: a copy for each", () => {
    rig.clear();
    rig.install([both, neighbour]);
    const changes = rig.changes(() => {
      assert.equal(rig.run("tap_ingress", ethernet(up)).verdict, SHOT);
      assert.equal(rig.med0.expect(2).length, 2);
    });
    const once = { packets: 1, bytes: up.length };
    assert.deepEqual(changes, {
      "from.packets": once.packets,
      "from.bytes": once.bytes,
      "to.packets": once.packets,
      "to.bytes": once.bytes,
    });
  });

  const NOBODY: readonly (readonly [string, readonly (typeof both)[]])[] = [
    ["nobody is under intercept", []],
    ["others are", [neighbour]],
  ];
  for (const [what, specs] of NOBODY)
    test(`${what}: IP ends here all the same, anything else goes on`, () => {
      rig.clear();
      rig.install(specs);
      const copies: Copy[] = [];
      for (const [frame, verdict] of [
        [ethernet(ipv4({ destination: "203.0.113.1" }, udp())), SHOT],
        [ethernet(up6, { pppoe: 5 }), SHOT],
        [ethernet(pattern(46), { type: 0x0806 }), GO_ON],
      ] as const) {
        const run = rig.run("tap_ingress", frame);
        assert.equal(run.verdict, verdict);
        assert.equal(run.packet.toString("hex"), frame.toString("hex"));
      }
      assertCopies(rig, { direction: "from" }, copies);
    });
});
