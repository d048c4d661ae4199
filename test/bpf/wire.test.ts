/**
 * Frames that come in and leave by the node's interfaces, where the kernel itself has touched them: tags moved into
 * the skb's metadata, no link layer, checksums left to be completed, super-packets. Also: the original goes on.
 */
import { intercept } from "./intercepts.js";
import { ip } from "./network.js";
import {
  ETHERTYPE,
  ethernet,
  type Ipv4Header,
  ipv4,
  ipv6,
  type LinkLayer,
  SUBSCRIBER_MAC,
  SUBSCRIBER4,
  SUBSCRIBER6,
  TO4,
  TO6,
} from "./packets.js";
import { pattern, tcp, udp } from "./transport.js";
import { type WireFixture, wireSuite } from "./wire-fixtures.js";

const TO_CORE: LinkLayer = { destination: "02:00:5e:30:00:80", source: "02:00:5e:30:00:01" };
const FROM_CORE: LinkLayer = { destination: "02:00:5e:30:00:01", source: "02:00:5e:30:00:80" };
const TO_SUBSCRIBER: LinkLayer = { destination: SUBSCRIBER_MAC, source: "02:00:5e:10:00:01" };

/** The subscriber behind acct0. */
const PPP4 = "100.64.1.200";
const PPP6 = "2001:db8:2:200::7";

const both = intercept({
  matches: [
    { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
    { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
    { kind: "ipv4", prefix: `${PPP4}/32` },
    { kind: "ipv6", prefix: `${PPP6}/128` },
  ],
});

function up4(header: Ipv4Header = {}): Buffer {
  return ipv4(header, udp({}, pattern(100)));
}

const down = (destination: string, ttl = 64): Buffer => ipv4({ ...TO4, destination, ttl }, udp({}, pattern(100)));
const down6 = (destination: string, hopLimit = 64): Buffer =>
  ipv6({ ...TO6, destination, hopLimit }, udp({}, pattern(100)));

const S_TAG = { id: 200, type: ETHERTYPE.svlan } as const;
const three = [S_TAG, { id: 7 }, { id: 9 }];

/** The kernel moves the outermost tag into the metadata before the programs see the frame. */
const tagged: WireFixture[] = [
  ["untagged", {}],
  ["802.1Q", { tags: [{ id: 100, priority: 3 }] }],
  ["802.1ad", { tags: [S_TAG] }],
  ["QinQ", { tags: [S_TAG, { id: 7 }] }],
  ["three tags", { tags: three }],
  ["PPPoE", { pppoe: 9 }],
  ["PPPoE in QinQ", { tags: [S_TAG, { id: 7 }], pppoe: 9 }],
].flatMap(([name, link]) =>
  [up4(), ipv6({}, tcp())].map((packet, index) => ({
    description: `${name as string}, IPv${index === 0 ? 4 : 6} from the subscriber`,
    direction: "from" as const,
    intercepts: [both],
    into: "acc0" as const,
    frame: ethernet(packet, link as LinkLayer),
    copies: [packet],
  })),
);

const onward: WireFixture[] = [
  {
    description: "the original goes on to the core",
    intercepts: [both],
    direction: "from",
    into: "acc0",
    frame: ethernet(up4()),
    copies: [up4()],
    leaves: { by: "core0", frames: [ethernet(up4({ ttl: 63 }), TO_CORE)] },
  },
  {
    description: "the original goes on to the subscriber",
    intercepts: [both],
    direction: "to",
    into: "core0",
    frame: ethernet(down(SUBSCRIBER4), FROM_CORE),
    copies: [down(SUBSCRIBER4, 63)],
    leaves: { by: "acc0", frames: [ethernet(down(SUBSCRIBER4, 63), TO_SUBSCRIBER)] },
  },
  {
    description: "no link layer, IPv4 from the subscriber",
    intercepts: [both],
    direction: "from",
    into: "acct0",
    frame: up4({ source: PPP4 }),
    copies: [up4({ source: PPP4 })],
    leaves: { by: "core0", frames: [ethernet(up4({ source: PPP4, ttl: 63 }), TO_CORE)] },
  },
  {
    description: "no link layer, IPv6 from the subscriber",
    intercepts: [both],
    direction: "from",
    into: "acct0",
    frame: ipv6({ source: PPP6 }, tcp()),
    copies: [ipv6({ source: PPP6 }, tcp())],
    leaves: { by: "core0", frames: [ethernet(ipv6({ source: PPP6, hopLimit: 63 }, tcp()), TO_CORE)] },
  },
  {
    description: "no link layer, IPv4 to the subscriber",
    intercepts: [both],
    direction: "to",
    into: "core0",
    frame: ethernet(down(PPP4), FROM_CORE),
    copies: [down(PPP4, 63)],
    leaves: { by: "acct0", frames: [down(PPP4, 63)] },
  },
  {
    description: "no link layer, IPv6 to the subscriber",
    intercepts: [both],
    direction: "to",
    into: "core0",
    frame: ethernet(down6(PPP6), FROM_CORE),
    copies: [down6(PPP6, 63)],
    leaves: { by: "acct0", frames: [down6(PPP6, 63)] },
  },
];

function routeToPpp(): void {
  for (const address of [PPP4, PPP6]) ip("route", "add", address, "dev", "acct0");
}

wireSuite("frames on the wire", {}, [...tagged, ...onward], routeToPpp);
