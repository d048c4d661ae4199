import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeDevice, encodeDropPolicy, encodeIntercept, keyBytes, shimWords } from "../../../src/datapath/encode.js";
import { DeviceFlags, InterceptFlags, MediationDevice, TermFlags } from "../../../src/datapath/layout.gen.js";
import type { DatapathOptions } from "../../../src/datapath/options.js";
import { InterceptError } from "../../../src/intercepts/errors.js";
import type { DropTerm, InterceptSpec } from "../../../src/intercepts/types.js";

const SPEC: InterceptSpec = {
  key: "key",
  matches: [{ kind: "ipv4", prefix: "100.64.0.7/32" }],
  direction: "both",
  header: { format: "junos", interceptId: 0x300, sessionId: 0x90 },
  mediation: { address: "198.51.100.9", port: 30_030 },
};
const PLACES = { device: 3, dropPolicy: 4, defaultDscp: 10, toBootClock: (ms: number) => BigInt(Math.round(ms)) * 2n };
const MEDIATION: DatapathOptions["mediation"] = {
  sourceIpv4: "198.51.100.1",
  sourcePort: 40_030,
  ttl: 200,
  dscp: 0,
  udpChecksum: "zero",
  oversize: "fragment",
  way: "auto",
};

function encode(parts: Partial<InterceptSpec> = {}) {
  return encodeIntercept({ ...SPEC, ...parts }, PLACES);
}

/** Throws an error of ours that names the field in one sentence, and holds none of the values in it. */
function assertRefused(work: () => unknown, field: string, values: readonly string[] = []): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof InterceptError, String(error));
    assert.equal(error.field, field);
    assert.ok(error.message.startsWith(field), error.message);
    assert.doesNotMatch(error.message, /\n/);
    for (const value of values) assert.ok(!error.message.includes(value), `${value} is in: ${error.message}`);
    return true;
  });
}

describe("intercepts", () => {
  test("the plainest one", () => {
    assert.deepEqual(encode(), {
      not_before_ns: 0n,
      not_after_ns: 0xffff_ffff_ffff_ffffn,
      flags: InterceptFlags.INTERCEPT_ACTIVE | InterceptFlags.INTERCEPT_FROM | InterceptFlags.INTERCEPT_TO,
      device: 3,
      shim: [
        [0x300, 0x90],
        [0x300, 0x90],
      ],
      port: [30_030, 30_030],
      tos: 40,
      snap_length: 0,
      drop_policy: 4,
      bytes_per_second: 0n,
      bucket_byte_ns: 0n,
      bucket_fill_ns: 0n,
      key: Buffer.concat([Buffer.from("key"), Buffer.alloc(29)]),
      reserved: 0,
      padding: [0n, 0n],
    });
  });

  test("everything else", () => {
    const { port, flags, tos, snap_length, not_before_ns, not_after_ns, bucket_fill_ns, bucket_byte_ns } = encode({
      direction: "to",
      multicast: true,
      mediation: { address: "198.51.100.9", port: 1, portTo: 65_535 },
      dscp: 0,
      snapLength: 68,
      notBefore: 100,
      notAfter: 200,
      rate: { bytesPerSecond: 3, burstBytes: 10 },
    });
    assert.deepEqual(port, [1, 65_535]);
    assert.equal(
      flags,
      InterceptFlags.INTERCEPT_ACTIVE | InterceptFlags.INTERCEPT_TO | InterceptFlags.INTERCEPT_MULTICAST,
    );
    assert.deepEqual([tos, snap_length, not_before_ns, not_after_ns], [0, 68, 200n, 400n]);
    assert.equal(bucket_byte_ns, 10_000_000_000n);
    // Not before it is full: ten bytes at three a second, in nanoseconds, rounded up.
    assert.equal(bucket_fill_ns, 3_333_333_334n);
  });

  test("the direction", () => {
    const { INTERCEPT_FROM, INTERCEPT_TO } = InterceptFlags;
    const bits = (direction: InterceptSpec["direction"]) =>
      encode({ direction }).flags & (INTERCEPT_FROM | INTERCEPT_TO);
    assert.deepEqual(
      [bits("both"), bits("from"), bits("to")],
      [INTERCEPT_FROM | INTERCEPT_TO, INTERCEPT_FROM, INTERCEPT_TO],
    );
  });

  const BAD: readonly (readonly [string, Partial<InterceptSpec>])[] = [
    ["header.interceptId", { header: { format: "junos", interceptId: 0x4000_0000, sessionId: 0 } }],
    ["header.interceptId", { header: { format: "junos", interceptId: -1, sessionId: 0 } }],
    ["header.interceptId", { header: { format: "nokia", interceptId: 0x2000_0000, sessionId: 0 } }],
    ["header.interceptId", { header: { format: "nokia", interceptId: 1.5, sessionId: 0 } }],
    ["header.sessionId", { header: { format: "junos", interceptId: 0, sessionId: 0x1_0000_0000 } }],
    ["header.sessionId", { header: { format: "nokia", interceptId: 0, sessionId: Number.NaN } }],
    ["mediation.port", { mediation: { address: "198.51.100.9", port: 0 } }],
    ["mediation.port", { mediation: { address: "198.51.100.9", port: 70_000 } }],
    ["mediation.portTo", { mediation: { address: "198.51.100.9", port: 1, portTo: 65_536 } }],
    ["dscp", { dscp: 64 }],
    ["dscp", { dscp: -1 }],
    ["snapLength", { snapLength: 0 }],
    ["snapLength", { snapLength: 67 }],
    ["snapLength", { snapLength: 65_536 }],
    ["rate.bytesPerSecond", { rate: { bytesPerSecond: 0, burstBytes: 1 } }],
    ["rate.bytesPerSecond", { rate: { bytesPerSecond: 9_000_000_001, burstBytes: 1 } }],
    ["rate.burstBytes", { rate: { bytesPerSecond: 1, burstBytes: 0 } }],
    ["rate.burstBytes", { rate: { bytesPerSecond: 1, burstBytes: 0.5 } }],
    ["notAfter", { notBefore: 200, notAfter: 200 }],
    ["notAfter", { notBefore: 200, notAfter: 100 }],
    ["notBefore", { notBefore: Number.NaN }],
    ["notAfter", { notAfter: Number.POSITIVE_INFINITY }],
    ["key", { key: "" }],
    ["key", { key: "x".repeat(33) }],
    ["key", { key: "naïve" }],
    ["key", { key: "\u0141" }],
    ["key", { key: "a\0b" }],
  ];
  for (const [field, parts] of BAD)
    test(`${field}: ${JSON.stringify(parts)} is refused`, () => assertRefused(() => encode(parts), field));
});

describe("keys", () => {
  test("no two become the same bytes", () => {
    const keys = ["a", "b", "a ", "A", "x".repeat(32), "x".repeat(31)];
    assert.equal(new Set(keys.map((key) => keyBytes(key).toString("hex"))).size, keys.length);
  });
});

describe("shims", () => {
  test("Junos: version 0, the largest ids", () => {
    assert.deepEqual(shimWords({ format: "junos", interceptId: 0x3fff_ffff, sessionId: 0xffff_ffff }), [
      [0x3fff_ffff, 0xffff_ffff],
      [0x3fff_ffff, 0xffff_ffff],
    ]);
  });

  test("Nokia: version 1, the direction bit, the largest ids", () => {
    assert.deepEqual(shimWords({ format: "nokia", interceptId: 0x1fff_ffff, sessionId: 0xffff_ffff }), [
      [0x5fff_ffff, 0xffff_ffff],
      [0x7fff_ffff, 0xffff_ffff],
    ]);
  });
});

describe("mediation devices", () => {
  test("IPv4", () => {
    const device = MediationDevice.decode(encodeDevice("198.51.100.9", MEDIATION));
    assert.deepEqual([...device.source.subarray(0, 5)], [198, 51, 100, 1, 0]);
    assert.deepEqual([...device.destination.subarray(0, 5)], [198, 51, 100, 9, 0]);
    assert.deepEqual([device.source_port, device.ttl, device.flags], [40_030, 200, 0]);
  });

  test("every setting is a flag of its own", () => {
    const options = { ...MEDIATION, sourceIpv6: "2001:db8::1" };
    const flags = (address: string, parts: Partial<DatapathOptions["mediation"]>) =>
      MediationDevice.decode(encodeDevice(address, { ...options, ...parts })).flags;
    assert.equal(flags("2001:db8::9", {}), DeviceFlags.DEVICE_IPV6);
    assert.equal(flags("198.51.100.9", { oversize: "drop" }), DeviceFlags.DEVICE_NO_FRAGMENTS);
    assert.equal(flags("198.51.100.9", { way: "stack" }), DeviceFlags.DEVICE_STACK_ONLY);
    assert.equal(flags("198.51.100.9", { udpChecksum: "computed" }), DeviceFlags.DEVICE_UDP_CHECKSUM);
  });

  test("an IPv6 device without an IPv6 source says what to set", () => {
    assertRefused(() => encodeDevice("2001:db8::9", MEDIATION), "mediation.address", ["2001:db8::9"]);
    assert.throws(() => encodeDevice("2001:db8::9", MEDIATION), /sourceIpv6/);
  });

  test("an IPv4 device without an IPv4 source", () => {
    const { sourceIpv4: _, ...rest } = MEDIATION;
    assertRefused(() => encodeDevice("198.51.100.9", { ...rest, sourceIpv6: "2001:db8::1" }), "mediation.address");
  });

  for (const address of ["mediation.example", "10.1", "", "198.51.100.9/32"])
    test(`"${address}" is no address`, () =>
      assertRefused(() => encodeDevice(address, MEDIATION), "mediation.address"));
});

describe("drop policies", () => {
  test("none", () => {
    assert.equal(encodeDropPolicy(undefined), undefined);
    assert.equal(encodeDropPolicy([]), undefined);
  });

  test("a term of everything", () => {
    const policy = encodeDropPolicy([
      {
        source: "100.64.0.0/10",
        destination: "192.0.2.0/24",
        sourcePorts: [0, 65_535],
        destinationPorts: [53, 53],
        protocol: 17,
        dscp: 63,
      },
    ]);
    assert.ok(policy);
    assert.equal(policy.count, 1);
    assert.equal(policy.terms.length, 16);
    const { TERM_SOURCE, TERM_DESTINATION, TERM_PROTOCOL, TERM_DSCP, TERM_SOURCE_PORT, TERM_DESTINATION_PORT } =
      TermFlags;
    assert.deepEqual(policy.terms[0], {
      flags:
        TERM_SOURCE |
        TERM_DESTINATION |
        TERM_PROTOCOL |
        TERM_DSCP |
        TERM_SOURCE_PORT |
        TERM_DESTINATION_PORT |
        TermFlags.TERM_IPV4,
      source_port_low: 0,
      source_port_high: 65_535,
      destination_port_low: 53,
      destination_port_high: 53,
      protocol: 17,
      dscp: 63,
      source: [0x6440_0000, 0, 0, 0],
      source_mask: [0xffc0_0000, 0, 0, 0],
      destination: [0xc000_0200, 0, 0, 0],
      destination_mask: [0xffff_ff00, 0, 0, 0],
    });
  });

  test("an IPv6 prefix of odd length", () => {
    const [term] = encodeDropPolicy([{ destination: "2001:db8:8000::/33" }])?.terms ?? [];
    assert.deepEqual(term?.destination, [0x2001_0db8, 0x8000_0000, 0, 0]);
    assert.deepEqual(term?.destination_mask, [0xffff_ffff, 0x8000_0000, 0, 0]);
    assert.equal(term?.flags, TermFlags.TERM_DESTINATION | TermFlags.TERM_IPV6);
  });

  const ports = (low: number, high: number) => [low, high] as const;
  const BAD: readonly (readonly [string, string, readonly DropTerm[]])[] = [
    ["no field at all", "dropPolicy[0]", [{}]],
    ["the same twice", "dropPolicy[0]", [{ protocol: 6 }, { protocol: 6 }]],
    ["one that covers another", "dropPolicy[1]", [{ protocol: 6 }, { protocol: 6, dscp: 3 }]],
    ["one that is covered by a later one", "dropPolicy[0]", [{ source: "192.0.2.0/25" }, { source: "192.0.2.0/24" }]],
    ["ports within ports", "dropPolicy[1]", [{ sourcePorts: ports(1, 100) }, { sourcePorts: ports(5, 6) }]],
    ["both families in one", "dropPolicy[0]", [{ source: "192.0.2.0/24", destination: "2001:db8::/32" }]],
    ["ports of ICMP", "dropPolicy[0]", [{ protocol: 1, destinationPorts: ports(1, 2) }]],
    ["ports the wrong way round", "dropPolicy[0].sourcePorts", [{ sourcePorts: ports(2, 1) }]],
    ["a port that is none", "dropPolicy[0].destinationPorts", [{ destinationPorts: ports(1, 65_536) }]],
    ["a protocol that is none", "dropPolicy[1].protocol", [{ dscp: 1 }, { protocol: 256 }]],
    ["a DSCP that is none", "dropPolicy[0].dscp", [{ dscp: 64 }]],
    ["host bits", "dropPolicy[0].source", [{ source: "192.0.2.1/24" }]],
    ["no prefix", "dropPolicy[0].destination", [{ destination: "example" }]],
    ["seventeen", "dropPolicy", Array.from({ length: 17 }, (_, dscp) => ({ dscp }))],
  ];
  for (const [what, field, terms] of BAD)
    test(`${what}: refused`, () => {
      const values = terms.flatMap(({ source, destination }) =>
        [source, destination].filter((text) => text !== undefined),
      );
      assertRefused(() => encodeDropPolicy(terms), field, values);
    });

  test("sixteen that differ are taken, and so are terms that overlap in part", () => {
    assert.equal(encodeDropPolicy(Array.from({ length: 16 }, (_, dscp) => ({ dscp })))?.count, 16);
    assert.equal(encodeDropPolicy([{ protocol: 6 }, { dscp: 46 }, { sourcePorts: ports(1, 10) }])?.count, 3);
    assert.equal(encodeDropPolicy([{ sourcePorts: ports(1, 10) }, { sourcePorts: ports(5, 20) }])?.count, 2);
  });
});
