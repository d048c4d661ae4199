import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../../../src/net/addresses.js";
import { encodeInterfaceAddress, parseInterfaceAddress } from "../../../src/net/netlink/address.js";
import { NetlinkFormatError } from "../../../src/net/netlink/errors.js";
import { encodeVethPair, parseLink } from "../../../src/net/netlink/link.js";
import {
  attribute,
  encodeMessage,
  type NetlinkMessage,
  nested,
  parseMessages,
  text,
  u32,
} from "../../../src/net/netlink/message.js";
import { encodeNeighbourState, parseNeighbour } from "../../../src/net/netlink/neighbour.js";
import { covers, parseDefaultBlocks, parseOutputPolicy } from "../../../src/net/netlink/policy.js";
import { encodeRouteQuery, parseRoute } from "../../../src/net/netlink/route.js";
import { TUN_DEVICE, VETH_IN_BRIDGE } from "./fixtures.js";

const NEWLINK = 16;
const DELLINK = 17;

function recorded(base64: string): NetlinkMessage {
  const [message] = parseMessages(Buffer.from(base64, "base64"));
  assert.ok(message);
  return message;
}

function ip(literal: string) {
  const address = parseAddress(literal);
  assert.ok(address);
  return address;
}

function made(type: number, payload: Buffer): NetlinkMessage {
  return { type, flags: 0, sequence: 0, payload };
}

describe("link messages", () => {
  test("of a veth in a bridge", () => {
    assert.deepEqual(parseLink(recorded(VETH_IN_BRIDGE))?.link, {
      ifindex: 12,
      name: "capv0",
      hasLinkLayer: true,
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      up: false,
      qdisc: "noop",
      kind: "veth",
      master: 13,
      masterKind: "bridge",
      lower: 11,
    });
  });

  const VLAN_DEFAULTS = { ifindex: 10, name: "acc0.100", hasLinkLayer: true, mtu: 0, up: true, kind: "vlan", lower: 2 };
  for (const [what, protocol, flags, more, wanted] of [
    ["an 802.1Q VLAN", [0x81, 0x00], 1, [], { vlanId: 100 }],
    ["one with other flags", [0x81, 0x00], 0x1f, [], { vlanId: 100 }],
    ["one that keeps its tag", [0x81, 0x00], 0x1e, [], { vlanId: 100, vlanKeepsTag: true }],
    [
      "one that maps priorities",
      [0x81, 0x00],
      1,
      [nested(3, attribute(1, Buffer.concat([u32(0), u32(5)])))],
      { vlanId: 100, vlanMapsPriority: true },
    ],
    ["one whose priorities are mapped as they come in", [0x81, 0x00], 1, [nested(4)], { vlanId: 100 }],
    ["an 802.1ad VLAN", [0x88, 0xa8], 1, [], {}],
  ] as const)
    test(`of ${what}`, () => {
      const info = Buffer.alloc(16);
      info.writeUInt16LE(1, 2);
      info.writeInt32LE(10, 4);
      info.writeUInt32LE(1, 8);
      const data = nested(
        2,
        attribute(1, Buffer.from([100, 0])),
        attribute(2, Buffer.concat([u32(flags), u32(0xffff_ffff)])),
        attribute(5, Buffer.from(protocol)),
        ...more,
      );
      const payload = Buffer.concat([
        info,
        attribute(3, text("acc0.100")),
        attribute(5, u32(2)),
        nested(18, attribute(1, text("vlan")), data),
      ]);
      assert.deepEqual(parseLink(made(NEWLINK, payload))?.link, { ...VLAN_DEFAULTS, ...wanted });
    });

  test("of a device whose packets begin with the IP header", () => {
    const { change, link } = parseLink(recorded(TUN_DEVICE)) ?? {};
    assert.equal(change, "new");
    assert.deepEqual(link, {
      ifindex: link?.ifindex,
      name: "capt",
      hasLinkLayer: false,
      mtu: 1500,
      up: false,
      qdisc: "noop",
      kind: "tun",
    });
  });

  test("that tell that an interface is gone", () => {
    assert.equal(parseLink({ ...recorded(TUN_DEVICE), type: DELLINK })?.change, "gone");
  });

  test("of a bridge's port tell nothing of the interface: it does not vanish when it leaves the bridge", () => {
    const bridge = Buffer.from(recorded(VETH_IN_BRIDGE).payload);
    bridge.writeUInt8(7, 0);
    assert.equal(parseLink(made(DELLINK, bridge)), undefined);
  });

  test("without a name tell of a radio, say", () => {
    assert.equal(parseLink(made(NEWLINK, Buffer.concat([Buffer.alloc(16), attribute(11, u32(1))]))), undefined);
  });

  test("of other types are none", () => {
    assert.equal(parseLink(made(20, Buffer.alloc(0))), undefined);
  });

  test("that ask for a veth pair name both ends with their addresses and sizes", () => {
    const mac = Buffer.from("020000000001", "hex");
    const bytes = encodeVethPair({ name: "a", mac, mtu: 65535, gsoMaxSegments: 1 }, { name: "b", mac, mtu: 1500 });
    const info = Buffer.alloc(16);
    const end = (name: string, mtu: number) =>
      Buffer.concat([info, attribute(3, text(name)), attribute(1, mac), attribute(4, u32(mtu))]);
    const peer = nested(18, attribute(1, text("veth")), nested(2, nested(1, end("b", 1500))));
    assert.deepEqual(bytes, Buffer.concat([end("a", 65535), attribute(40, u32(1)), peer]));
  });
});

describe("address messages", () => {
  for (const [address, prefixLength] of [
    ["192.0.2.1", 24],
    ["2001:db8::1", 64],
  ] as const) {
    test(`of ${address}/${prefixLength}`, () => {
      const wanted = { ...ip(address), ifindex: 5, prefixLength };
      assert.deepEqual(parseInterfaceAddress(made(20, encodeInterfaceAddress(wanted, 0))), wanted);
    });
  }

  test("whose address does not fit the family are none", () => {
    const info = Buffer.from([2, 24, 0, 0, 5, 0, 0, 0]);
    assert.equal(parseInterfaceAddress(made(20, Buffer.concat([info, attribute(2, Buffer.alloc(16))]))), undefined);
  });
});

describe("route messages", () => {
  const routeInfo = (type: number) => Buffer.from([2, 32, 0, 0, 254, 0, 0, type, 0, 0, 0, 0]);

  test("with a gateway", () => {
    const payload = [routeInfo(1), attribute(4, u32(3)), attribute(5, ip("192.0.2.9").bytes)];
    assert.deepEqual(parseRoute(made(24, Buffer.concat(payload))), { out: 3, gateway: ip("192.0.2.9") });
  });

  test("with an MTU that holds for what is forwarded: locked, learnt, or of IPv6", () => {
    const mtu = (info: Buffer, ...metrics: Buffer[]) => {
      const payload = [info, attribute(4, u32(3)), nested(8, attribute(2, u32(1400)), ...metrics)];
      return (...more: Buffer[]) => parseRoute(made(24, Buffer.concat([...payload, ...more])))?.mtu;
    };
    const expires = (seconds: number) => attribute(12, Buffer.concat([u32(0), u32(0), u32(seconds), Buffer.alloc(20)]));
    const info6 = Buffer.from(routeInfo(1));
    info6.writeUInt8(10, 0);
    assert.equal(mtu(routeInfo(1))(), undefined);
    assert.equal(mtu(routeInfo(1))(expires(0)), undefined);
    assert.equal(mtu(routeInfo(1))(expires(60)), 1400);
    assert.equal(mtu(routeInfo(1), attribute(1, u32(4)))(), 1400);
    assert.equal(mtu(info6)(), 1400);
  });

  test("by way of a neighbour of the other family", () => {
    const via = attribute(18, Buffer.concat([Buffer.from([10, 0]), ip("2001:db8::9").bytes]));
    const payload = Buffer.concat([routeInfo(1), attribute(4, u32(3)), via]);
    assert.deepEqual(parseRoute(made(24, payload)), { out: 3, gateway: ip("2001:db8::9") });
  });

  test("that lead to this node, or nowhere, are none", () => {
    assert.equal(parseRoute(made(24, Buffer.concat([routeInfo(2), attribute(4, u32(1))]))), undefined);
    assert.equal(parseRoute(made(24, routeInfo(7))), undefined);
  });

  test("ask with the whole addresses and the interface that a packet came in by", () => {
    const bytes = encodeRouteQuery(ip("192.0.2.9"), ip("192.0.2.1"), 7);
    const addresses = [attribute(1, ip("192.0.2.9").bytes), attribute(2, ip("192.0.2.1").bytes), attribute(3, u32(7))];
    assert.deepEqual(bytes, Buffer.concat([Buffer.from([2, 32, 32, ...Array(9).fill(0)]), ...addresses]));
  });
});

describe("neighbour messages", () => {
  test("name the address, the interface and the state", () => {
    const bytes = Buffer.concat([
      encodeNeighbourState(ip("2001:db8::9"), 4, "probe"),
      attribute(2, Buffer.from("020000000001", "hex")),
    ]);
    assert.deepEqual(parseNeighbour(made(28, bytes)), {
      address: ip("2001:db8::9"),
      ifindex: 4,
      state: "probe",
      mac: Buffer.from("020000000001", "hex"),
    });
  });

  test("without an IP address are none", () => {
    assert.equal(parseNeighbour(made(28, Buffer.alloc(12))), undefined);
  });
});

interface PolicyParts {
  readonly direction?: number;
  readonly action?: number;
  readonly protocol?: number;
  readonly more?: readonly Buffer[];
}

/** An output policy of 192.0.2.0/24 -> 198.51.100.9/32. */
function policy({ direction = 1, action = 0, protocol = 0, more = [attribute(5, Buffer.alloc(64))] }: PolicyParts) {
  const bytes = Buffer.alloc(168);
  ip("198.51.100.9").bytes.copy(bytes, 0);
  ip("192.0.2.0").bytes.copy(bytes, 16);
  bytes.writeUInt16LE(2, 40);
  bytes.set([32, 24, protocol], 42);
  bytes.set([direction, action], 160);
  return parseOutputPolicy(made(0x13, Buffer.concat([bytes, ...more])));
}

describe("IPsec policies", () => {
  const covered = (parts: PolicyParts, source = "192.0.2.1", destination = "198.51.100.9") => {
    const found = policy(parts);
    return found !== undefined && covers(found, ip(source), ip(destination));
  };

  test("cover what is within both prefixes", () => {
    assert.equal(covered({}), true);
    assert.equal(covered({}, "192.0.3.1"), false);
    assert.equal(covered({}, "192.0.2.1", "198.51.100.8"), false);
    assert.equal(covered({}, "2001:db8::1", "2001:db8::9"), false);
  });

  test("cover copies where they are for UDP or for any protocol", () => {
    assert.equal(covered({ protocol: 17 }), true);
    assert.equal(covered({ protocol: 6 }), false);
  });

  test("that block cover too; those that let pass do not, nor those of an xfrm interface or another direction", () => {
    assert.equal(covered({ action: 1, more: [] }), true);
    assert.equal(covered({ more: [] }), false);
    assert.equal(covered({ direction: 0 }), false);
    assert.equal(covered({ more: [attribute(5, Buffer.alloc(64)), attribute(31, u32(7))] }), false);
  });

  test("by default block or accept what leaves", () => {
    assert.equal(parseDefaultBlocks(made(0x27, Buffer.from([2, 2, 1]))), true);
    assert.equal(parseDefaultBlocks(made(0x27, Buffer.from([1, 1, 2]))), false);
  });
});

describe("whatever the bytes are", () => {
  const parsers = [parseLink, parseInterfaceAddress, parseRoute, parseNeighbour, parseOutputPolicy];
  const seeds = [VETH_IN_BRIDGE, TUN_DEVICE].map((base64) => Buffer.from(base64, "base64"));
  const types = fc.constantFrom(16, 17, 20, 24, 28, 0x13);

  function parseAll(bytes: Buffer, type: number): void {
    try {
      for (const { payload } of parseMessages(bytes)) for (const parse of parsers) parse(made(type, payload));
    } catch (error) {
      if (!(error instanceof NetlinkFormatError)) throw error;
    }
  }

  test("random payloads throw nothing but NetlinkFormatError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), types, (payload, type) => {
        parseAll(encodeMessage(type, 0, 1, Buffer.from(payload)), type);
        parseAll(Buffer.from(payload), type);
      }),
      { numRuns: 3000 },
    );
  });

  test("recorded messages with bytes changed and cut off throw nothing but NetlinkFormatError", () => {
    const changes = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), changes, fc.nat(2000), types, (seed, edits, end, type) => {
        const bytes = Buffer.from(seed);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        parseAll(bytes, type);
        parseAll(bytes.subarray(0, end), type);
      }),
      { numRuns: 3000 },
    );
  });
});
