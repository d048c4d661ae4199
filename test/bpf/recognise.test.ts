/** What is recognised as a subscriber's packet, and that the copy begins at its IP header (untagged). */
import { type Fixture, fixtureSuite } from "./fixtures.js";
import { intercept } from "./intercepts.js";
import { ETHERTYPE, ethernet, fragments4, fragments6, ipv4, ipv6, SUBSCRIBER6, TO4, TO6 } from "./packets.js";
import { echo, pattern, tcp, udp } from "./transport.js";

const both = intercept({
  matches: [
    { kind: "ipv4", prefix: "100.64.0.7/32" },
    { kind: "ipv6", prefix: "2001:db8:1::/64" },
  ],
});

const up4 = ipv4({}, udp());
const up6 = ipv6({}, udp());
const down4 = ipv4(TO4, tcp({}, pattern(600)));
const down6 = ipv6(TO6, tcp({}, pattern(600)));

const PACKETS = [
  ["IPv4 from", "from", up4],
  ["IPv4 to", "to", down4],
  ["IPv6 from", "from", up6],
  ["IPv6 to", "to", down6],
] as const;

const LINK_LAYERS = [
  ["untagged", {}],
  ["802.1Q", { tags: [{ id: 100, priority: 5 }] }],
  ["802.1ad", { tags: [{ id: 100, type: ETHERTYPE.svlan }] }],
  ["QinQ", { tags: [{ id: 100, type: ETHERTYPE.svlan }, { id: 7 }] }],
  ["QinQ of 802.1Q in 802.1Q", { tags: [{ id: 100 }, { id: 7 }] }],
  ["PPPoE", { pppoe: 0x1234 }],
  ["PPPoE in 802.1Q", { tags: [{ id: 100 }], pppoe: 0x1234 }],
  ["PPPoE in QinQ", { tags: [{ id: 100, type: ETHERTYPE.svlan }, { id: 7 }], pppoe: 0x1234 }],
] as const;

const linkLayers: Fixture[] = LINK_LAYERS.flatMap(([name, link]) =>
  PACKETS.map(([what, direction, packet]) => ({
    description: `${name}, ${what} the subscriber`,
    intercepts: [both],
    direction,
    frame: ethernet(packet, link),
    copies: [packet],
  })),
);

const inMetadata: Fixture[] = (
  [
    ["802.1Q in the metadata", { id: 100, priority: 5 }, {}],
    ["802.1ad in the metadata, 802.1Q in the packet", { id: 100, type: ETHERTYPE.svlan }, { tags: [{ id: 7 }] }],
    ["802.1Q in the metadata and in the packet", { id: 100 }, { tags: [{ id: 7 }] }],
    ["one tag in the metadata and two in the packet", { id: 100 }, { tags: [{ id: 7 }, { id: 8 }] }],
    ["PPPoE, its tag in the metadata", { id: 100 }, { pppoe: 0x1234 }],
    ["PPPoE in QinQ, the outer tag in the metadata", { id: 100 }, { tags: [{ id: 7 }], pppoe: 0x1234 }],
  ] as const
).flatMap(([name, tag, link]) =>
  PACKETS.map(([what, direction, packet]) => ({
    description: `${name}, ${what} the subscriber`,
    intercepts: [both],
    direction,
    frame: ethernet(packet, link),
    tag,
    copies: [packet],
  })),
);

const padded: Fixture[] = LINK_LAYERS.flatMap(([name, link]) =>
  [ipv4({}, udp({}, pattern(1))), ipv6({ source: SUBSCRIBER6 }, udp({}, Buffer.alloc(0)))].map((packet, index) => ({
    description: `${name}, padding of a short frame is not copied (${index === 0 ? "IPv4" : "IPv6"})`,
    intercepts: [both],
    direction: "from" as const,
    frame: ethernet(packet, { ...link, minimum: 90 }),
    copies: [packet],
  })),
);

const RECORD_ROUTE = Buffer.from([7, 39, 4, ...Buffer.alloc(36)]);
const pieces4 = fragments4({ id: 0x4242 }, udp({}, pattern(3000)), 1480);
const pieces6 = fragments6({}, udp({}, pattern(3000)), 1448);

const headers: Fixture[] = [
  ["IPv4 with options of 40 bytes", ipv4({ options: RECORD_ROUTE }, tcp())],
  ["IPv4 with a router alert", ipv4({ options: Buffer.from([148, 4, 0, 0]) }, echo(4))],
  ["ICMP", ipv4({}, echo(4))],
  ["ICMPv6", ipv6({}, echo(6))],
  ["the first IPv4 fragment", pieces4[0]],
  ["a middle IPv4 fragment, which has no ports", pieces4[1]],
  ["the last IPv4 fragment", pieces4[2]],
  ["the first IPv6 fragment", pieces6[0]],
  ["a middle IPv6 fragment", pieces6[1]],
  ["the last IPv6 fragment", pieces6[2]],
  ["IPv6 with hop-by-hop options", ipv6({ extensions: [{ kind: "hop-by-hop" }] }, udp())],
  [
    "IPv6 with five kinds of extension headers",
    ipv6(
      {
        trafficClass: 0xb8,
        flowLabel: 0xabcde,
        extensions: [
          { kind: "hop-by-hop" },
          { kind: "destination", body: Buffer.concat([Buffer.from([1, 12]), Buffer.alloc(12)]) },
          { kind: "routing", body: Buffer.from([4, 0, 0, 0, 0, 0]) },
          { kind: "fragment", offset: 0, more: false },
          { kind: "authentication" },
        ],
      },
      tcp(),
    ),
  ],
  ["an IPv4 packet of no payload", ipv4({}, { protocol: 59, between: () => Buffer.alloc(0) })],
  ["an IPv6 packet of no payload", ipv6({}, { protocol: 59, between: () => Buffer.alloc(0) })],
  ["IPv4 of 1500 bytes", ipv4({}, tcp({}, pattern(1460)))],
  ["IPv6 of 1500 bytes", ipv6({}, tcp({}, pattern(1440)))],
].map(([description, packet]) => ({
  description: description as string,
  intercepts: [both],
  direction: "from",
  frame: ethernet(packet as Buffer),
  copies: [packet as Buffer],
}));

const notIp: Fixture[] = [
  ["ARP", ethernet(pattern(46), { type: 0x0806 })],
  ["LLDP", ethernet(pattern(46), { type: 0x88cc })],
  ["a length in place of the ethertype", ethernet(up4, { type: up4.length })],
  ["PPPoE discovery", ethernet(pattern(40), { type: 0x8863 })],
  ["PPP LCP within PPPoE", ethernet(up4, { pppoe: 0x1234, type: 0xc021 })],
  ["a tag and nothing behind it", ethernet(Buffer.alloc(0), { tags: [{ id: 100 }], type: 0x0800 })],
  ["four tags", ethernet(up4, { tags: [1, 2, 3, 4].map((id) => ({ id })) })],
].map(([what, frame]) => ({
  description: `${what as string} is not mirrored`,
  intercepts: [both],
  direction: "from",
  frame: frame as Buffer,
  copies: [],
}));

for (const object of [undefined, "tc-61.o"] as const) {
  const options = object ? { object } : {};
  fixtureSuite(`recognised behind link layers (${object ?? "tc.o"})`, options, [...linkLayers, ...inMetadata]);
}
fixtureSuite("padding", {}, padded);
fixtureSuite("recognised IP headers", {}, headers);
fixtureSuite("not IP", {}, notIp);
