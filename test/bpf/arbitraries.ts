/** Random packets for the property tests (fast-check). */
import fc from "fast-check";
import {
  ETHERTYPE,
  type Extension,
  type Ipv4Header,
  type Ipv6Header,
  ipv4,
  ipv6,
  type LinkLayer,
  type VlanTag,
} from "./packets.js";
import { echo, raw, type Transport, tcp, udp } from "./transport.js";

const port = fc.integer({ min: 0, max: 65_535 });
const payload = (longest: number) => fc.uint8Array({ maxLength: longest }).map((bytes) => Buffer.from(bytes));
const words = (longest: number) =>
  fc.uint8Array({ maxLength: longest }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3)));

function transport(family: 4 | 6): fc.Arbitrary<Transport> {
  const ports = { sourcePort: port, destinationPort: port };
  return fc.oneof(
    fc.record({ ports: fc.record(ports), bytes: payload(1300) }).map(({ ports: given, bytes }) => udp(given, bytes)),
    fc
      .record({ ports: fc.record(ports), bytes: payload(1300), options: words(40) })
      .map(({ ports: given, bytes, options }) => tcp({ ...given, options }, bytes)),
    payload(1300).map((bytes) => echo(family, bytes)),
    fc
      .record({ protocol: fc.constantFrom(2, 47, 50, 59, 89, 132, 255), bytes: payload(1300) })
      .map(({ protocol, bytes }) => raw(protocol, bytes)),
  );
}

const byte = fc.integer({ min: 0, max: 255 });
const offset = fc.integer({ min: 0, max: 8000 }).map((units) => units * 8);

const header4: fc.Arbitrary<Ipv4Header> = fc.record({
  tos: byte,
  id: port,
  ttl: byte,
  fragmentOffset: fc.oneof(fc.constant(0), offset),
  moreFragments: fc.boolean(),
  options: fc.oneof(fc.constant(Buffer.alloc(0)), words(40)),
});

const extension: fc.Arbitrary<Extension> = fc.oneof(
  fc
    .record({
      kind: fc.constantFrom("hop-by-hop" as const, "routing" as const, "destination" as const),
      body: payload(60),
    })
    .map(({ kind, body }): Extension => ({ kind, body })),
  fc
    .record({ at: offset, more: fc.boolean() })
    .map(({ at, more }): Extension => ({ kind: "fragment", offset: at, more })),
  fc.constant<Extension>({ kind: "authentication" }),
);

const header6: fc.Arbitrary<Ipv6Header> = fc.record({
  trafficClass: byte,
  flowLabel: fc.integer({ min: 0, max: 0xfffff }),
  hopLimit: byte,
  extensions: fc.array(extension, { maxLength: 4 }),
});

export interface Ends {
  readonly source: string;
  readonly destination: string;
}

/** An IPv4 packet between these ends. */
export function packet4(ends: Ends): fc.Arbitrary<Buffer> {
  return fc
    .record({ header: header4, transport: transport(4) })
    .map((parts) => ipv4({ ...parts.header, ...ends }, parts.transport));
}

/** An IPv6 packet between these ends. */
export function packet6(ends: Ends): fc.Arbitrary<Buffer> {
  return fc
    .record({ header: header6, transport: transport(6) })
    .map((parts) => ipv6({ ...parts.header, ...ends }, parts.transport));
}

const tag: fc.Arbitrary<VlanTag> = fc.record({
  id: fc.integer({ min: 1, max: 4094 }),
  priority: fc.integer({ min: 0, max: 7 }),
  type: fc.constantFrom(ETHERTYPE.vlan, ETHERTYPE.svlan),
});

export interface Link {
  readonly link: LinkLayer;
  /** In the metadata, outside those of `link`. */
  readonly tag?: VlanTag;
}

/** Up to two tags in the frame and one in the metadata, with or without PPPoE, with or without padding. */
export const anyLink: fc.Arbitrary<Link> = fc
  .record({
    tags: fc.array(tag, { maxLength: 2 }),
    inMetadata: fc.option(tag, { nil: undefined }),
    pppoe: fc.option(fc.integer({ min: 1, max: 0xfffe }), { nil: undefined }),
    minimum: fc.constantFrom(0, 60, 100),
  })
  .map(({ tags, inMetadata, pppoe, minimum }) => ({
    link: { tags, minimum, ...(pppoe === undefined ? {} : { pppoe }) },
    ...(inMetadata ? { tag: inMetadata } : {}),
  }));
