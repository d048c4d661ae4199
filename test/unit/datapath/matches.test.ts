import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigFlags } from "../../../src/datapath/layout.gen.js";
import {
  keyBytes,
  kindOf,
  type MatchMap,
  matchKey,
  matchKeyFromBytes,
  writeKey,
} from "../../../src/datapath/matches.js";
import { zoneNumber } from "../../../src/datapath/zones.js";
import { InterceptError } from "../../../src/intercepts/errors.js";
import type { SubscriberMatch } from "../../../src/intercepts/types.js";

const CONTEXT = { zone: 0x01020304, ifindexOf: (name: string) => (name === "acc0" ? 7 : undefined) };
const ZONE_LE = "04030201";
const ZONE_BE = "01020304";

const KEYS: readonly (readonly [SubscriberMatch, MatchMap, number, string])[] = [
  [{ kind: "ipv4", prefix: "100.64.0.7/32" }, "hosts4", ConfigFlags.CONFIG_HOSTS4, `${ZONE_LE}64400007`],
  [{ kind: "ipv4", prefix: "100.64.0.7" }, "hosts4", ConfigFlags.CONFIG_HOSTS4, `${ZONE_LE}64400007`],
  [{ kind: "ipv4", prefix: "100.64.0.0/10" }, "prefixes4", ConfigFlags.CONFIG_PREFIXES4, `2a000000${ZONE_BE}64400000`],
  [{ kind: "ipv4", prefix: "0.0.0.0/0" }, "prefixes4", ConfigFlags.CONFIG_PREFIXES4, `20000000${ZONE_BE}00000000`],
  [
    { kind: "ipv6", prefix: "2001:db8::7/128" },
    "hosts6",
    ConfigFlags.CONFIG_HOSTS6_128,
    `${ZONE_LE}8000000020010db8000000000000000000000007`,
  ],
  [
    { kind: "ipv6", prefix: "2001:db8:1::/64" },
    "hosts6",
    ConfigFlags.CONFIG_HOSTS6_64,
    `${ZONE_LE}4000000020010db8000100000000000000000000`,
  ],
  [
    { kind: "ipv6", prefix: "2001:db8:1:ff00::/56" },
    "hosts6",
    ConfigFlags.CONFIG_HOSTS6_56,
    `${ZONE_LE}3800000020010db80001ff000000000000000000`,
  ],
  [
    { kind: "ipv6", prefix: "2001:db8::/48" },
    "prefixes6",
    ConfigFlags.CONFIG_PREFIXES6,
    `50000000${ZONE_BE}20010db8000000000000000000000000`,
  ],
  [
    { kind: "interface", name: "acc0" },
    "links",
    ConfigFlags.CONFIG_INTERFACES,
    "0100000007000000000000000000000000000000",
  ],
  [{ kind: "vlan", svlan: 4094 }, "links", ConfigFlags.CONFIG_VLANS, `02000000${ZONE_LE}fe0f00000000000000000000`],
  [
    { kind: "vlan", svlan: 100, cvlan: 7 },
    "links",
    ConfigFlags.CONFIG_VLANS,
    `02000000${ZONE_LE}640007000000000000000000`,
  ],
  [
    { kind: "pppoe", sessionId: 0xfffe, mac: "02:00:5E:00:00:07" },
    "links",
    ConfigFlags.CONFIG_PPPOE,
    `03000000${ZONE_LE}00000000feff02005e000007`,
  ],
];

describe("keys of matches", () => {
  for (const [match, map, flag, bytes] of KEYS)
    test(JSON.stringify(match), () => {
      const key = matchKey(match, CONTEXT, "matches[0]");
      assert.equal(kindOf(key).map, map);
      assert.equal(kindOf(key).flag, flag);
      assert.equal(keyBytes(key).toString("hex"), bytes);
      const written = Buffer.alloc(kindOf(key).keyBytes);
      writeKey(key, written);
      assert.equal(written.toString("hex"), bytes);
    });

  test("a key in the kernel is told again from its bytes", () => {
    for (const [match] of KEYS) {
      const key = matchKey(match, CONTEXT, "matches[0]");
      assert.equal(matchKeyFromBytes(kindOf(key).map, keyBytes(key)), key);
    }
  });

  test("a key that another version left in the kernel is told again from its bytes, and nothing looks for it", () => {
    for (const [map, text] of [
      ["hosts6", `${ZONE_LE}3000000020010db8000000000000000000000000`],
      ["links", "0900000007000000000000000000000000000000"],
    ] as const) {
      const key = matchKeyFromBytes(map, Buffer.from(text, "hex"));
      assert.equal(keyBytes(key).toString("hex"), text);
      assert.deepEqual([kindOf(key).map, kindOf(key).flag], [map, 0]);
    }
  });

  test("no two matches have the same key", () => {
    const keys = KEYS.slice(1).map(([match]) => matchKey(match, CONTEXT, "matches[0]"));
    assert.equal(new Set(keys).size, keys.length);
  });

  const BAD: readonly (readonly [string, SubscriberMatch])[] = [
    ["matches[3].prefix", { kind: "ipv4", prefix: "100.64.0.7/24" }],
    ["matches[3].prefix", { kind: "ipv4", prefix: "2001:db8::/32" }],
    ["matches[3].prefix", { kind: "ipv6", prefix: "100.64.0.7/32" }],
    ["matches[3].prefix", { kind: "ipv6", prefix: "2001:db8::1/64" }],
    ["matches[3].prefix", { kind: "ipv4", prefix: "subscriber" }],
    ["matches[3].name", { kind: "interface", name: "acc9" }],
    ["matches[3].svlan", { kind: "vlan", svlan: 0 }],
    ["matches[3].svlan", { kind: "vlan", svlan: 4095 }],
    ["matches[3].cvlan", { kind: "vlan", svlan: 1, cvlan: 0 }],
    ["matches[3].cvlan", { kind: "vlan", svlan: 1, cvlan: 1.5 }],
    ["matches[3].sessionId", { kind: "pppoe", sessionId: 0, mac: "02:00:5e:00:00:07" }],
    ["matches[3].sessionId", { kind: "pppoe", sessionId: 0xffff, mac: "02:00:5e:00:00:07" }],
    ["matches[3].mac", { kind: "pppoe", sessionId: 1, mac: "02-00-5e-00-00-07" }],
    ["matches[3].mac", { kind: "pppoe", sessionId: 1, mac: "02:00:5e:00:00" }],
  ];
  for (const [field, match] of BAD)
    test(`${JSON.stringify(match)} is refused, and no subject is named`, () => {
      assert.throws(
        () => matchKey(match, CONTEXT, "matches[3]"),
        (error) => {
          assert.ok(error instanceof InterceptError);
          assert.equal(error.field, field);
          for (const value of [...Object.values(match)].slice(1).filter((part) => typeof part === "string"))
            assert.ok(!error.message.includes(value), error.message);
          return true;
        },
      );
    });
});

describe("zones", () => {
  test("the default zone is 0, by whatever name", () => {
    assert.deepEqual([zoneNumber(undefined), zoneNumber("")], [0, 0]);
  });

  test("a name is the same number on every node, and never the default's", () => {
    assert.equal(zoneNumber("red"), zoneNumber("red"));
    const numbers = ["red", "blue", "vrf-1", "vrf-2", "0"].map(zoneNumber);
    assert.equal(new Set(numbers).size, numbers.length);
    assert.ok(numbers.every((number) => number > 0 && number <= 0xffff_ffff));
  });
});
