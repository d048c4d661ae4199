/** Several intercepts on one packet: each its own copy, none disturbed by another. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertCopies, type Fixture, fixtureSuite } from "./fixtures.js";
import { intercept, numbered } from "./intercepts.js";
import { ethernet, ipv4, SUBSCRIBER_MAC, TO4 } from "./packets.js";
import { DEVICE6, OTHER_DEVICE4, Rig } from "./rig.js";
import { tcp, udp } from "./transport.js";

const packet = ipv4({}, udp());
const down = ipv4(TO4, tcp());
const eight = Array.from({ length: 8 }, (_, index) => numbered(index + 1));

const counts: Fixture[] = Array.from({ length: 8 }, (_, index) => ({
  description: `${index + 1} intercepts on one address`,
  intercepts: eight.slice(0, index + 1),
  direction: "from",
  frame: ethernet(packet),
  copies: eight.slice(0, index + 1).map((of) => ({ packet, of })),
}));

const onInterface = numbered(9, { matches: [{ kind: "interface", name: "acc0" }] });
const onVlan = numbered(10, { matches: [{ kind: "vlan", svlan: 100 }] });
const inTwoWays = numbered(1, {
  matches: [
    { kind: "ipv4", prefix: "100.64.0.7/32" },
    { kind: "ipv4", prefix: "100.64.0.0/16" },
    { kind: "interface", name: "acc0" },
    { kind: "vlan", svlan: 100 },
    { kind: "vlan", svlan: 100, cvlan: 7 },
    { kind: "pppoe", sessionId: 5, mac: SUBSCRIBER_MAC },
  ],
});

const together: Fixture[] = [
  {
    description: "an intercept that matches in six ways: one copy",
    intercepts: [inTwoWays],
    direction: "from",
    frame: ethernet(packet, { tags: [{ id: 100 }, { id: 7 }], pppoe: 5 }),
    copies: [packet],
  },
  {
    description: "one that matches in six ways beside others: each once",
    intercepts: [inTwoWays, numbered(2), onInterface],
    direction: "from",
    frame: ethernet(packet, { tags: [{ id: 100 }, { id: 7 }], pppoe: 5 }),
    copies: [inTwoWays, numbered(2), onInterface].map((of) => ({ packet, of })),
  },
  {
    description: "a ninth by another kind of match is refused and counted",
    intercepts: [...eight, onInterface],
    direction: "from",
    frame: ethernet(packet),
    copies: eight.map((of) => ({ packet, of })),
    counters: { "dropped.too_many_copies": 1 },
  },
  {
    description: "a ninth and a tenth are refused and counted",
    intercepts: [...eight, onInterface, onVlan],
    direction: "from",
    frame: ethernet(packet, { tags: [{ id: 100 }] }),
    copies: eight.map((of) => ({ packet, of })),
    counters: { "dropped.too_many_copies": 2 },
  },
  {
    description: "different devices, headers and families for one packet",
    intercepts: [
      numbered(1, { mediation: { address: OTHER_DEVICE4, port: 4001 } }),
      numbered(2, { mediation: { address: DEVICE6, port: 4002, portTo: 4003 }, dscp: 46 }),
      numbered(3, { header: { format: "nokia", interceptId: 3, sessionId: 4 } }),
    ],
    direction: "to",
    frame: ethernet(down),
    copies: [
      numbered(1, { mediation: { address: OTHER_DEVICE4, port: 4001 } }),
      numbered(2, { mediation: { address: DEVICE6, port: 4002, portTo: 4003 }, dscp: 46 }),
      numbered(3, { header: { format: "nokia", interceptId: 3, sessionId: 4 } }),
    ].map((of) => ({ packet: down, of })),
  },
  {
    description: "of two, one is not due in this direction",
    intercepts: [numbered(1, { direction: "to" }), numbered(2, { direction: "from" })],
    direction: "from",
    frame: ethernet(packet),
    copies: [{ packet, of: numbered(2) }],
  },
  {
    description: "of two, one leaves the packet out: it is counted with that one",
    intercepts: [numbered(1, { dropPolicy: [{ protocol: 17 }] }), numbered(2)],
    direction: "from",
    frame: ethernet(packet),
    copies: [{ packet, of: numbered(2) }],
    counters: { excluded: 1 },
  },
  {
    description: "of three, the middle one was stopped",
    intercepts: [numbered(1), numbered(2), numbered(3)],
    prepare: (rig) => rig.datapath.remove("intercept-2"),
    direction: "from",
    frame: ethernet(packet),
    copies: [1, 3].map((number) => ({ packet, of: numbered(number) })),
  },
];

fixtureSuite("one to eight copies", {}, counts);
fixtureSuite("intercepts side by side", {}, together);

describe("counters of intercepts", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  test("each intercept counts its own copies and what it left out", () => {
    rig.install([numbered(1), numbered(2, { direction: "to" }), numbered(3, { dropPolicy: [{ protocol: 17 }] })]);
    rig.run("access_ingress", ethernet(packet));
    rig.run("access_egress", ethernet(down));
    rig.run("access_egress", ethernet(down));
    const none = { packets: 0n, bytes: 0n };
    const twice = { packets: 2n, bytes: BigInt(2 * down.length) };
    const once = { packets: 1n, bytes: BigInt(packet.length) };
    assert.deepEqual(rig.datapath.interceptCounters("intercept-1"), {
      from: once,
      to: twice,
      dropped: 0n,
      excluded: 0n,
    });
    assert.deepEqual(rig.datapath.interceptCounters("intercept-2"), {
      from: none,
      to: twice,
      dropped: 0n,
      excluded: 0n,
    });
    assert.deepEqual(rig.datapath.interceptCounters("intercept-3"), {
      from: none,
      to: twice,
      dropped: 0n,
      excluded: 1n,
    });
  });

  test("a changed intercept keeps what it counted, and the other's header is not disturbed", () => {
    rig.clear();
    rig.install([numbered(1), numbered(2)]);
    rig.run("access_ingress", ethernet(packet));
    const changed = numbered(1, { header: { format: "nokia", interceptId: 77, sessionId: 78 } });
    rig.install([changed]);
    rig.med0.drain();
    rig.run("access_ingress", ethernet(packet));
    assertCopies(rig, { direction: "from" }, [
      { packet, of: numbered(2) },
      { packet, of: changed },
    ]);
    const counted = rig.datapath.interceptCounters("intercept-1");
    assert.deepEqual(counted?.from, { packets: 2n, bytes: BigInt(2 * packet.length) });
  });

  test("a slot that is used again begins at zero", () => {
    rig.clear();
    for (let round = 0; round < 3; round++) {
      rig.install([intercept()]);
      rig.run("access_ingress", ethernet(packet));
      assert.deepEqual(rig.datapath.interceptCounters("intercept-1")?.from.packets, 1n, `round ${round}`);
      rig.datapath.remove("intercept-1");
    }
  });
});
