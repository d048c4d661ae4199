/** Super-packets and checksums that are left to the hardware: the copies are what the wire would have carried. */

import { intercept } from "./intercepts.js";
import { ethernet, ipv4, ipv6, TO4, TO6 } from "./packets.js";
import { DEVICE6 } from "./rig.js";
import { type SuperPacketOptions, superDatagram, superPacket, uncheckedPacket } from "./super-packets.js";
import { pattern, tcp, udp } from "./transport.js";
import { type WireFixture, wireSuite } from "./wire-fixtures.js";

const TO_CORE = { destination: "02:00:5e:30:00:80", source: "02:00:5e:30:00:01" };
const TIMESTAMPS = Buffer.concat([Buffer.from([1, 1, 8, 10]), pattern(8)]);

const SHAPES: readonly (readonly [string, SuperPacketOptions])[] = [
  ["two IPv4 segments", { family: 4, payloadBytes: 2000, segmentBytes: 1400 }],
  ["forty IPv4 segments", { family: 4, payloadBytes: 56_000, segmentBytes: 1400 }],
  ["IPv4 segments with TCP options", { family: 4, payloadBytes: 10_000, segmentBytes: 1448, tcpOptions: TIMESTAMPS }],
  ["IPv6 segments", { family: 6, payloadBytes: 20_000, segmentBytes: 1400 }],
  ["IPv6 segments with TCP options", { family: 6, payloadBytes: 5000, segmentBytes: 1428, tcpOptions: TIMESTAMPS }],
  ["IPv4 segments behind a tag", { family: 4, payloadBytes: 5000, segmentBytes: 1400, link: { tags: [{ id: 7 }] } }],
  ["one segment exactly", { family: 4, payloadBytes: 1400, segmentBytes: 1400 }],
];

const both = intercept({
  matches: [
    { kind: "ipv4", prefix: "100.64.0.7/32" },
    { kind: "ipv6", prefix: "2001:db8:1::7/128" },
  ],
});
const both6 = { ...both, mediation: { address: DEVICE6, port: 30_030 } };

function segments(counters: (count: number) => WireFixture["counters"]): WireFixture[] {
  return [both, both6].flatMap((spec) =>
    SHAPES.map(([what, options]): WireFixture => {
      const { frame, offload, segments: copies } = superPacket(options);
      return {
        description: `${what}, to ${spec.mediation.address}`,
        intercepts: [spec],
        direction: "from",
        into: "acc0",
        frame,
        offload,
        copies,
        counters: counters(copies.length) ?? {},
      };
    }),
  );
}

/** The original leaves as the same segments, routed. */
function onward(throughStack: boolean): WireFixture[] {
  return ([4, 6] as const).map((family) => {
    const shape = { family, payloadBytes: 20_000, segmentBytes: 1400 };
    const { frame, offload, segments: copies } = superPacket(shape);
    const routed = superPacket({ ...shape, header: { ttl: 63, hopLimit: 63 } }).segments;
    return {
      description: `the original IPv${family} super-packet goes on`,
      intercepts: [both],
      direction: "from",
      into: "acc0",
      frame,
      offload,
      copies,
      leaves: { by: "core0", frames: routed.map((segment) => ethernet(segment, TO_CORE)) },
      counters: throughStack ? { throughStack: copies.length } : {},
    };
  });
}

const CORE_MAC = { destination: "02:00:5e:30:00:01", source: "02:00:5e:30:00:80" };

/** What the subscriber is sent, and what comes from one without a link layer. */
function otherWays(counters: (count: number) => WireFixture["counters"]): WireFixture[] {
  return [both, both6].flatMap((spec) =>
    ([4, 6] as const).flatMap((family): WireFixture[] => {
      const shape = { family, payloadBytes: 10_000, segmentBytes: 1400 };
      const down = family === 4 ? TO4 : TO6;
      const towards = superPacket({ ...shape, header: down, link: CORE_MAC });
      const routed = superPacket({ ...shape, header: { ...down, ttl: 63, hopLimit: 63 } }).segments;
      const bare = superPacket({ ...shape, withoutLinkLayer: true });
      const datagrams = superDatagram({ ...shape, payloadBytes: 9999 });
      return [
        {
          description: `an IPv${family} super-packet to the subscriber, to ${spec.mediation.address}`,
          intercepts: [spec],
          direction: "to",
          into: "core0",
          frame: towards.frame,
          offload: towards.offload,
          copies: routed,
          counters: counters(routed.length) ?? {},
        },
        {
          description: `an IPv${family} super-packet of datagrams, to ${spec.mediation.address}`,
          intercepts: [spec],
          direction: "from",
          into: "acc0",
          frame: datagrams.frame,
          offload: datagrams.offload,
          copies: datagrams.segments,
          counters: counters(datagrams.segments.length) ?? {},
        },
        {
          description: `an IPv${family} super-packet without a link layer, to ${spec.mediation.address}`,
          intercepts: [spec],
          direction: "from",
          into: "acct0",
          frame: bare.frame,
          offload: bare.offload,
          copies: bare.segments,
          counters: counters(bare.segments.length) ?? {},
        },
      ];
    }),
  );
}

const STRAIGHT = () => ({});
const STACK = (count: number) => ({ throughStack: count });
wireSuite("super-packets, straight", {}, [...segments(STRAIGHT), ...otherWays(STRAIGHT), ...onward(false)]);
wireSuite("super-packets, through the stack", { mediation: { way: "stack" } }, [
  ...segments(STACK),
  ...otherWays(STACK),
  ...onward(true),
]);
wireSuite(
  "super-packets, checksums computed",
  { mediation: { udpChecksum: "computed" } },
  segments((count) => ({ throughStack: count })),
);

/** Of each segment the first 100 bytes; the checksums are those of the whole segments. */
const snapped = segments((count) => ({ throughStack: count })).map((fixture) => ({
  ...fixture,
  description: `${fixture.description}, snapped`,
  intercepts: (fixture.intercepts ?? []).map((spec) => ({ ...spec, snapLength: 100 })),
  copies: fixture.copies.map((copy) => (copy as Buffer).subarray(0, 100)),
}));
wireSuite("super-packets, snapped", {}, snapped);

const small = ipv4({}, tcp({}, pattern(80)));
const small6 = ipv6({}, tcp({}, pattern(60)));
const datagrams = ipv4({}, udp({}, pattern(301)));
const PARTIAL: readonly (readonly [string, Buffer, number])[] = [
  ["an IPv4 TCP packet", small, 16],
  ["an IPv6 TCP packet", small6, 16],
  ["a UDP packet of odd length", datagrams, 6],
];

function unchecked(counters: WireFixture["counters"] = {}): WireFixture[] {
  return PARTIAL.flatMap(([what, packet, at]) =>
    [both, both6].map((spec) => ({
      description: `${what}, its checksum left to be completed, to ${spec.mediation.address}`,
      intercepts: [spec],
      direction: "from" as const,
      into: "acc0" as const,
      ...uncheckedPacket(packet, at),
      copies: [packet],
      counters,
    })),
  );
}

wireSuite("incomplete checksums, straight", {}, unchecked());
wireSuite("incomplete checksums, through the stack", { mediation: { way: "stack" } }, unchecked({ throughStack: 1 }));

/** What is kept of a packet is what the wire carried of it: the checksum is that of the whole packet. */
const SNAPS = [68, 99];
const snappedSingles = SNAPS.flatMap((snapLength) =>
  unchecked({ throughStack: 1 }).map((fixture) => ({
    ...fixture,
    description: `${fixture.description}, of which ${snapLength} bytes are kept`,
    intercepts: (fixture.intercepts ?? []).map((spec) => ({ ...spec, snapLength })),
    copies: fixture.copies.map((copy) => (copy as Buffer).subarray(0, snapLength)),
  })),
);
wireSuite("incomplete checksums, snapped", {}, snappedSingles);
