/** Whom an intercept matches: addresses, prefixes, zones, links. */
import type { SubscriberMatch } from "../../src/intercepts/types.js";
import { type Fixture, fixtureSuite } from "./fixtures.js";
import { intercept, numbered } from "./intercepts.js";
import { ETHERTYPE, ethernet, ipv4, ipv6, SUBSCRIBER_MAC, TO4, TO6 } from "./packets.js";
import { pattern, tcp, udp } from "./transport.js";

const of = (...matches: readonly SubscriberMatch[]) => [intercept({ matches })];
const from4 = (source: string): Buffer => ipv4({ source }, udp());
const to4 = (destination: string): Buffer => ipv4({ ...TO4, destination }, udp());
const from6 = (source: string): Buffer => ipv6({ source }, tcp());
const to6 = (destination: string): Buffer => ipv6({ ...TO6, destination }, tcp());

/** A row: prefix, an address that it holds, one that it does not. */
const ADDRESSES: readonly (readonly [prefix: string, inside: string, outside: string])[] = [
  ["100.64.0.7/32", "100.64.0.7", "100.64.0.6"],
  ["100.64.0.8/31", "100.64.0.9", "100.64.0.10"],
  ["100.64.0.0/29", "100.64.0.7", "100.64.0.8"],
  ["203.0.113.64/26", "203.0.113.127", "203.0.113.128"],
  ["100.64.0.0/10", "100.127.255.255", "100.128.0.0"],
  ["2001:db8:1::7/128", "2001:db8:1::7", "2001:db8:1::8"],
  ["2001:db8:1::/64", "2001:db8:1::ffff", "2001:db8:1:1::"],
  ["2001:db8:100::/56", "2001:db8:100:ff::1", "2001:db8:100:100::1"],
  ["2001:db8:200::/60", "2001:db8:200:f::1", "2001:db8:200:10::1"],
  ["2001:db8:300::/48", "2001:db8:300:ffff::1", "2001:db8:301::1"],
  ["2001:db8:1::70/124", "2001:db8:1::7f", "2001:db8:1::80"],
];

const addresses: Fixture[] = ADDRESSES.flatMap(([prefix, inside, outside]) => {
  const isIpv4 = prefix.includes(".");
  const kind = isIpv4 ? "ipv4" : "ipv6";
  const [from, to] = isIpv4 ? [from4, to4] : [from6, to6];
  const intercepts = of({ kind, prefix });
  return [
    {
      description: `${prefix}, from inside`,
      intercepts,
      direction: "from",
      frame: ethernet(from(inside)),
      copies: [from(inside)],
    },
    {
      description: `${prefix}, to inside`,
      intercepts,
      direction: "to",
      frame: ethernet(to(inside)),
      copies: [to(inside)],
    },
    {
      description: `${prefix}, from outside`,
      intercepts,
      direction: "from",
      frame: ethernet(from(outside)),
      copies: [],
    },
    { description: `${prefix}, to outside`, intercepts, direction: "to", frame: ethernet(to(outside)), copies: [] },
    {
      description: `${prefix}, the remote end is not the subscriber's (from)`,
      intercepts,
      direction: "from",
      frame: ethernet(to(inside)),
      copies: [],
    },
    {
      description: `${prefix}, the remote end is not the subscriber's (to)`,
      intercepts,
      direction: "to",
      frame: ethernet(from(inside)),
      copies: [],
    },
  ] satisfies Fixture[];
});

const wide = numbered(1, { matches: [{ kind: "ipv4", prefix: "100.64.0.0/16" }] });
const middle = numbered(2, { matches: [{ kind: "ipv4", prefix: "100.64.0.0/24" }] });
const narrow = numbered(3, { matches: [{ kind: "ipv4", prefix: "100.64.0.0/28" }] });
const host = numbered(4, { matches: [{ kind: "ipv4", prefix: "100.64.0.7/32" }] });
const wide6 = numbered(5, { matches: [{ kind: "ipv6", prefix: "2001:db8::/32" }] });
const narrow6 = numbered(6, { matches: [{ kind: "ipv6", prefix: "2001:db8:1::/60" }] });
const host6 = numbered(7, { matches: [{ kind: "ipv6", prefix: "2001:db8:1::/64" }] });

const nested: Fixture[] = [
  {
    description: "a host inside three nested prefixes: four copies",
    intercepts: [wide, middle, narrow, host],
    direction: "from",
    frame: ethernet(from4("100.64.0.7")),
    copies: [host, narrow, middle, wide].map((spec) => ({ packet: from4("100.64.0.7"), of: spec })),
  },
  {
    description: "the same installed from the narrowest to the widest",
    intercepts: [host, narrow, middle, wide],
    direction: "to",
    frame: ethernet(to4("100.64.0.7")),
    copies: [host, narrow, middle, wide].map((spec) => ({ packet: to4("100.64.0.7"), of: spec })),
  },
  {
    description: "beside the narrowest prefix, inside the middle one",
    intercepts: [wide, middle, narrow, host],
    direction: "from",
    frame: ethernet(from4("100.64.0.99")),
    copies: [middle, wide].map((spec) => ({ packet: from4("100.64.0.99"), of: spec })),
  },
  {
    description: "a nested prefix that was taken away again leaves the one around it",
    intercepts: [wide, middle, narrow],
    prepare: (rig) => rig.datapath.remove(narrow.key),
    direction: "from",
    frame: ethernet(from4("100.64.0.7")),
    copies: [middle, wide].map((spec) => ({ packet: from4("100.64.0.7"), of: spec })),
  },
  {
    description: "the prefix around was taken away again: the nested one stays",
    intercepts: [wide, middle, narrow],
    prepare: (rig) => rig.datapath.remove(middle.key),
    direction: "from",
    frame: ethernet(from4("100.64.0.7")),
    copies: [narrow, wide].map((spec) => ({ packet: from4("100.64.0.7"), of: spec })),
  },
  {
    description: "IPv6: a /64 inside a /60 inside a /32",
    intercepts: [wide6, narrow6, host6],
    direction: "from",
    frame: ethernet(from6("2001:db8:1::7")),
    copies: [host6, narrow6, wide6].map((spec) => ({ packet: from6("2001:db8:1::7"), of: spec })),
  },
];

const red = numbered(1, { zone: "red" });
const plain = numbered(2);
const redPrefix = numbered(3, {
  zone: "red",
  matches: [
    { kind: "ipv4", prefix: "100.64.0.0/24" },
    { kind: "ipv6", prefix: "2001:db8:1::/64" },
    { kind: "ipv6", prefix: "2001:db8:1::/50" },
    { kind: "vlan", svlan: 100 },
    { kind: "pppoe", sessionId: 5, mac: SUBSCRIBER_MAC },
  ],
});
const up = from4("100.64.0.7");

const zones: Fixture[] = [
  {
    description: "overlapping addresses: the zone's intercept on the zone's interface",
    intercepts: [red, plain],
    on: "acc1",
    direction: "from",
    frame: ethernet(up),
    copies: [{ packet: up, of: red }],
  },
  {
    description: "overlapping addresses: the default zone's on another interface",
    intercepts: [red, plain],
    direction: "from",
    frame: ethernet(up),
    copies: [{ packet: up, of: plain }],
  },
  {
    description: "overlapping addresses, to the subscriber",
    intercepts: [red, plain],
    on: "acc1",
    direction: "to",
    frame: ethernet(to4("100.64.0.7")),
    copies: [{ packet: to4("100.64.0.7"), of: red }],
  },
  ...(
    [
      ["an IPv4 prefix", ethernet(up), up],
      ["an IPv6 /64 and a prefix around it: one copy", ethernet(from6("2001:db8:1::7")), from6("2001:db8:1::7")],
      ["an IPv6 prefix", ethernet(from6("2001:db8:1:7::7")), from6("2001:db8:1:7::7")],
      ["an S-VLAN", ethernet(from4("192.0.2.1"), { tags: [{ id: 100 }] }), from4("192.0.2.1")],
      ["a PPPoE session", ethernet(from4("192.0.2.1"), { pppoe: 5 }), from4("192.0.2.1")],
    ] as const
  ).flatMap(([what, frame, packet]): Fixture[] => [
    {
      description: `${what} of a zone, there`,
      intercepts: [redPrefix],
      on: "acc1",
      direction: "from",
      frame,
      copies: [packet],
    },
    { description: `${what} of a zone, elsewhere`, intercepts: [redPrefix], direction: "from", frame, copies: [] },
  ]),
];

const anyone = from4("192.0.2.99");
const anyone6 = from6("2001:db8:77::1");
const S_TAG = { id: 100, type: ETHERTYPE.svlan } as const;

const links: Fixture[] = [
  {
    description: "an interface, IPv4",
    intercepts: of({ kind: "interface", name: "acc0" }),
    direction: "from",
    frame: ethernet(anyone),
    copies: [anyone],
  },
  {
    description: "an interface, IPv6, to the subscriber",
    intercepts: of({ kind: "interface", name: "acc0" }),
    direction: "to",
    frame: ethernet(anyone6, { tags: [{ id: 9 }] }),
    copies: [anyone6],
  },
  {
    description: "another interface",
    intercepts: of({ kind: "interface", name: "acc1" }),
    direction: "from",
    frame: ethernet(anyone),
    copies: [],
  },
  {
    description: "an interface, ARP",
    intercepts: of({ kind: "interface", name: "acc0" }),
    direction: "from",
    frame: ethernet(pattern(46), { type: 0x0806 }),
    copies: [],
  },
  ...(
    [
      ["S-VLAN alone, tag in the packet", { svlan: 100 }, [{ id: 100 }], undefined, true],
      ["S-VLAN alone, tag in the metadata", { svlan: 100 }, [], { id: 100, priority: 7 }, true],
      ["S-VLAN alone, any C-VLAN", { svlan: 100 }, [S_TAG, { id: 7 }], undefined, true],
      ["S-VLAN of another number", { svlan: 101 }, [S_TAG, { id: 7 }], undefined, false],
      ["S-VLAN alone, untagged", { svlan: 100 }, [], undefined, false],
      ["the C-VLAN's number is not an S-VLAN", { svlan: 7 }, [S_TAG, { id: 7 }], undefined, false],
      ["S-VLAN and C-VLAN, both in the packet", { svlan: 100, cvlan: 7 }, [S_TAG, { id: 7 }], undefined, true],
      ["S-VLAN and C-VLAN, the outer in the metadata", { svlan: 100, cvlan: 7 }, [{ id: 7 }], S_TAG, true],
      ["S-VLAN and another C-VLAN", { svlan: 100, cvlan: 8 }, [{ id: 7 }], S_TAG, false],
      ["C-VLAN wanted, one tag there", { svlan: 100, cvlan: 7 }, [], S_TAG, false],
      ["a priority does not change the VLAN", { svlan: 100 }, [{ id: 100, priority: 6 }], undefined, true],
    ] as const
  ).flatMap(([what, match, tags, tag, hit]): Fixture[] =>
    (["from", "to"] as const).map((direction) => ({
      description: `${what} (${direction})`,
      intercepts: of({ kind: "vlan", ...match }),
      direction,
      frame: ethernet(anyone, { tags }),
      ...(tag ? { tag } : {}),
      copies: hit ? [anyone] : [],
    })),
  ),
  ...(
    [
      ["PPPoE session and MAC", 5, SUBSCRIBER_MAC, { pppoe: 5 }, true],
      ["PPPoE session and MAC behind tags", 5, SUBSCRIBER_MAC, { pppoe: 5, tags: [S_TAG, { id: 7 }] }, true],
      ["another PPPoE session", 6, SUBSCRIBER_MAC, { pppoe: 5 }, false],
      ["the same session of another MAC", 5, "02:00:5e:10:00:08", { pppoe: 5 }, false],
      ["no PPPoE", 5, SUBSCRIBER_MAC, {}, false],
    ] as const
  ).flatMap(([what, sessionId, mac, link, hit]): Fixture[] => [
    {
      description: `${what} (from)`,
      intercepts: of({ kind: "pppoe", sessionId, mac }),
      direction: "from",
      frame: ethernet(anyone6, link),
      copies: hit ? [anyone6] : [],
    },
    {
      description: `${what} (to)`,
      intercepts: of({ kind: "pppoe", sessionId, mac }),
      direction: "to",
      frame: ethernet(anyone6, { ...link, source: "02:00:5e:10:00:01", destination: SUBSCRIBER_MAC }),
      copies: hit ? [anyone6] : [],
    },
  ]),
  {
    description: "PPPoE, the subscriber's MAC is the source of what the subscriber sends, not the destination",
    intercepts: of({ kind: "pppoe", sessionId: 5, mac: SUBSCRIBER_MAC }),
    direction: "to",
    frame: ethernet(anyone6, { pppoe: 5 }),
    copies: [],
  },
];

fixtureSuite("addresses and prefixes", {}, addresses);
fixtureSuite("nested prefixes", {}, nested);
fixtureSuite("zones", {}, zones);
fixtureSuite("links", {}, links);
