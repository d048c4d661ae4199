/** Drop policies: packets that fit a term are left out of the mirror and counted. */
import type { DropTerm } from "../../src/intercepts/types.js";
import { type Fixture, fixtureSuite } from "./fixtures.js";
import { intercept } from "./intercepts.js";
import {
  type Extension,
  ethernet,
  fragments4,
  fragments6,
  ipv4,
  ipv6,
  REMOTE4,
  REMOTE6,
  SUBSCRIBER4,
  SUBSCRIBER6,
} from "./packets.js";
import { echo, pattern, raw, tcp, udp } from "./transport.js";

const matches = [
  { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
  { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
] as const;

/** SCTP, DCCP and UDP-Lite begin with their ports as UDP does. */
const portsOnly = (protocol: number) => raw(protocol, Buffer.from([0x9c, 0x40, 0, 53, 0, 0, 0, 0, 0, 0, 0, 0]));
const web = tcp({ sourcePort: 50_000, destinationPort: 443 });
const dns = udp({ sourcePort: 40_000, destinationPort: 53 });
const [first4, later4] = fragments4({}, udp({ destinationPort: 53 }, pattern(2000)), 1480) as [Buffer, Buffer];
const [first6, later6] = fragments6({}, udp({ destinationPort: 53 }, pattern(2000)), 1400) as [Buffer, Buffer];
const ALL_EXTENSIONS: Extension[] = [
  { kind: "hop-by-hop", body: Buffer.concat([Buffer.from([1, 12]), Buffer.alloc(12)]) },
  { kind: "destination" },
  { kind: "routing", body: Buffer.from([4, 0, 0, 0, 0, 0]) },
  { kind: "fragment", offset: 0, more: false },
  { kind: "authentication" },
  { kind: "destination" },
];
const behindExtensions = ipv6({ extensions: ALL_EXTENSIONS }, dns);

/** A term, a packet from the subscriber, and whether the packet is left out. */
const TERMS: readonly (readonly [string, DropTerm, Buffer, boolean])[] = [
  ["source address", { source: `${SUBSCRIBER4}/32` }, ipv4({}, dns), true],
  ["source prefix", { source: "100.64.0.0/10" }, ipv4({}, dns), true],
  ["source prefix, one bit off", { source: "100.64.0.8/29" }, ipv4({}, dns), false],
  ["another source address", { source: "100.64.0.8/32" }, ipv4({}, dns), false],
  ["destination address", { destination: `${REMOTE4}/32` }, ipv4({}, dns), true],
  ["destination prefix of odd length", { destination: "192.0.2.64/27" }, ipv4({}, dns), true],
  ["destination prefix beside it", { destination: "192.0.2.96/27" }, ipv4({}, dns), false],
  ["any IPv4 address", { source: "0.0.0.0/0" }, ipv4({}, dns), true],
  ["any IPv4 address is no IPv6 address", { source: "0.0.0.0/0" }, ipv6({}, dns), false],
  ["any IPv6 address is no IPv4 address", { destination: "::/0" }, ipv4({}, dns), false],
  ["any IPv6 address", { destination: "::/0" }, ipv6({}, dns), true],
  ["IPv6 source", { source: `${SUBSCRIBER6}/128` }, ipv6({}, dns), true],
  ["IPv6 source prefix", { source: "2001:db8::/35" }, ipv6({}, dns), true],
  ["IPv6 destination", { destination: `${REMOTE6}/128` }, ipv6({}, dns), true],
  ["IPv6 destination, the last bit off", { destination: "2001:db8:ffff::81/128" }, ipv6({}, dns), false],
  ["IPv6 destination prefix of 65 bits", { destination: "2001:db8:ffff::/65" }, ipv6({}, dns), true],
  ["IPv6 destination prefix, the 65th bit off", { destination: "2001:db8:ffff:0:8000::/65" }, ipv6({}, dns), false],
  ["both ends", { source: `${SUBSCRIBER4}/32`, destination: `${REMOTE4}/32` }, ipv4({}, dns), true],
  ["one of both ends", { source: `${SUBSCRIBER4}/32`, destination: "192.0.2.81/32" }, ipv4({}, dns), false],
  ["the ends are not exchanged", { source: `${REMOTE4}/32` }, ipv4({}, dns), false],
  ["protocol", { protocol: 17 }, ipv4({}, dns), true],
  ["protocol 0", { protocol: 0 }, ipv4({}, dns), false],
  ["another protocol", { protocol: 6 }, ipv4({}, dns), false],
  ["protocol of IPv6", { protocol: 17 }, ipv6({}, dns), true],
  ["protocol behind extension headers", { protocol: 17 }, behindExtensions, true],
  ["an extension header is not the protocol", { protocol: 60 }, behindExtensions, false],
  ["ICMP", { protocol: 1 }, ipv4({}, echo(4)), true],
  ["ICMPv6", { protocol: 58 }, ipv6({}, echo(6)), true],
  ["DSCP", { dscp: 46 }, ipv4({ tos: 46 << 2 }, dns), true],
  ["DSCP, ECN is not part of it", { dscp: 46 }, ipv4({ tos: (46 << 2) | 3 }, dns), true],
  ["DSCP 0", { dscp: 0 }, ipv4({ tos: 3 }, dns), true],
  ["another DSCP", { dscp: 46 }, ipv4({ tos: 10 << 2 }, dns), false],
  ["DSCP of IPv6", { dscp: 46 }, ipv6({ trafficClass: (46 << 2) | 1 }, dns), true],
  ["all bits of the DSCP of IPv6", { dscp: 63 }, ipv6({ trafficClass: 0xfc, flowLabel: 0xfffff }, dns), true],
  ["the flow label is not DSCP", { dscp: 0 }, ipv6({ flowLabel: 0xfffff }, dns), true],
  ["source port", { sourcePorts: [40_000, 40_000] }, ipv4({}, dns), true],
  ["source port, the low end", { sourcePorts: [40_000, 50_000] }, ipv4({}, dns), true],
  ["source port, the high end", { sourcePorts: [1, 40_000] }, ipv4({}, dns), true],
  ["source port, one below", { sourcePorts: [40_001, 50_000] }, ipv4({}, dns), false],
  ["source port, one above", { sourcePorts: [1, 39_999] }, ipv4({}, dns), false],
  ["destination port", { destinationPorts: [53, 53] }, ipv4({}, dns), true],
  ["destination port, not the source port", { destinationPorts: [40_000, 40_000] }, ipv4({}, dns), false],
  ["destination port of TCP", { destinationPorts: [400, 500] }, ipv4({}, web), true],
  ["ports behind IPv4 options", { destinationPorts: [53, 53] }, ipv4({ options: Buffer.alloc(40, 1) }, dns), true],
  ["ports of IPv6", { destinationPorts: [53, 53] }, ipv6({}, dns), true],
  ["ports behind extension headers", { destinationPorts: [53, 53] }, behindExtensions, true],
  ["ports of SCTP", { destinationPorts: [53, 53] }, ipv4({}, portsOnly(132)), true],
  ["ports of DCCP", { destinationPorts: [53, 53] }, ipv4({}, portsOnly(33)), true],
  ["ports of UDP-Lite", { destinationPorts: [53, 53] }, ipv6({}, portsOnly(136)), true],
  ["a protocol without ports has no port 0 either", { sourcePorts: [0, 65_535] }, ipv4({}, echo(4)), false],
  ["a protocol that is not known has no ports", { destinationPorts: [53, 53] }, ipv4({}, portsOnly(253)), false],
  ["all ports", { destinationPorts: [0, 65_535] }, ipv4({}, dns), true],
  ["the first IPv4 fragment has ports", { destinationPorts: [53, 53] }, first4, true],
  ["a later IPv4 fragment has none", { destinationPorts: [0, 65_535] }, later4, false],
  ["a later IPv4 fragment has its addresses", { source: `${SUBSCRIBER4}/32` }, later4, true],
  ["a later IPv4 fragment has its protocol", { protocol: 17 }, later4, true],
  ["the first IPv6 fragment has ports", { destinationPorts: [53, 53] }, first6, true],
  ["a later IPv6 fragment has none", { destinationPorts: [0, 65_535] }, later6, false],
  ["a later IPv6 fragment has its protocol", { protocol: 17 }, later6, true],
  [
    "a transport header that is cut off has no ports",
    { sourcePorts: [0, 65_535] },
    ipv4({}, raw(17, Buffer.alloc(2))),
    false,
  ],
  [
    "everything at once",
    {
      source: "100.64.0.0/24",
      destination: "192.0.2.0/24",
      protocol: 6,
      dscp: 10,
      sourcePorts: [50_000, 50_000],
      destinationPorts: [443, 443],
    },
    ipv4({ tos: 40 }, web),
    true,
  ],
  [
    "everything but the DSCP",
    { source: "100.64.0.0/24", destination: "192.0.2.0/24", protocol: 6, dscp: 11, destinationPorts: [443, 443] },
    ipv4({ tos: 40 }, web),
    false,
  ],
];

const terms: Fixture[] = TERMS.map(([what, term, packet, excluded]) => ({
  description: `${what}: ${excluded ? "left out" : "mirrored"}`,
  intercepts: [intercept({ matches, dropPolicy: [term] })],
  direction: "from",
  frame: ethernet(packet),
  copies: excluded ? [] : [packet],
  counters: excluded ? { excluded: 1 } : {},
}));

const sixteen = Array.from({ length: 16 }, (_, index) => ({ destinationPorts: [1000 + index, 1000 + index] as const }));
const atPort = (destinationPort: number): Buffer => ipv4({}, udp({ destinationPort }));
const sixteenTerms: Fixture[] = [999, 1000, 1007, 1014, 1015, 1016].map((port) => {
  const excluded = port >= 1000 && port < 1016;
  return {
    description: `sixteen terms, port ${port}: ${excluded ? "left out" : "mirrored"}`,
    intercepts: [intercept({ dropPolicy: sixteen })],
    direction: "from",
    frame: ethernet(atPort(port)),
    copies: excluded ? [] : [atPort(port)],
    counters: excluded ? { excluded: 1 } : {},
  };
});

const behindLinks: Fixture[] = [
  { tags: [{ id: 100 }, { id: 7 }] },
  { pppoe: 5 },
  { tags: [{ id: 100 }, { id: 7 }], pppoe: 5 },
].map((link) => ({
  description: `a term behind ${JSON.stringify(link)}`,
  intercepts: [intercept({ dropPolicy: [{ destinationPorts: [53, 53] }] })],
  direction: "from",
  frame: ethernet(ipv4({}, dns), link),
  copies: [],
  counters: { excluded: 1 },
}));

fixtureSuite("drop policies", {}, [...terms, ...sixteenTerms, ...behindLinks]);
