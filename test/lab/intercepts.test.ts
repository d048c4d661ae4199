/** Several intercepts on one subscriber: each gets what it asks for, exactly, whatever happens to the others. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { DatapathError } from "../../src/datapath/port.js";
import type { DropTerm, InterceptSpec } from "../../src/intercepts/types.js";
import { fileHeader, packetBlockLength, writePacket } from "../../src/mediation/pcapng.js";
import { junosShim, nokiaShim } from "../bpf/datagram.js";
import { ipv4, SUBSCRIBER4, TO4 } from "../bpf/packets.js";
import { pattern, tcp, udp } from "../bpf/transport.js";
import { BridgedEdge } from "./matrix/bridged-edge.js";
import { assertPackets, carry, collect, type Direction } from "./matrix/carry.js";
import { burstOf } from "./matrix/frames.js";
import { type Datagram, MEDIATION } from "./matrix/mediation-side.js";
import { compare } from "./parts/compare.js";
import { outerHeaders } from "./parts/jmirror.js";
import { ipOf, LINKTYPE_ETHERNET } from "./parts/packet.js";

const BYTES = 500;
const DNS = 53;
const SNAP = 96;
const RATE_LIMITED_PACKETS = 10;

/** IPv4 packets of 500 bytes, all different: DNS, HTTPS over UDP, TCP in turn. */
function packets(direction: Direction, count: number, first = 0): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const far = number % 3 === 0 ? DNS : 443;
    const near = 20_000 + (number % 40_000);
    const ports =
      direction === "from" ? { sourcePort: near, destinationPort: far } : { sourcePort: far, destinationPort: near };
    const header = { ...(direction === "to" && TO4), id: number & 0xffff, ttl: 60 };
    const room = BYTES - 20;
    return number % 3 === 2
      ? ipv4(header, tcp({ ...ports, sequence: number }, pattern(room - 20, number)))
      : ipv4(header, udp(ports, pattern(room - 8, number)));
  });
}

const isDns = (packet: Buffer): boolean =>
  packet.readUInt8(9) === 17 && [packet.readUInt16BE(20), packet.readUInt16BE(22)].includes(DNS);

type Own = Pick<InterceptSpec, "mediation"> & Partial<InterceptSpec>;

function intercept(number: number, own: Own): InterceptSpec {
  return {
    key: `intercept-${number}`,
    matches: [{ kind: "ipv4", prefix: `${SUBSCRIBER4}/32` }],
    direction: "both",
    header: { format: "junos", interceptId: 0x300 + number, sessionId: 0x90 + number },
    ...own,
  };
}

const NO_DNS: readonly DropTerm[] = [
  { protocol: 17, sourcePorts: [DNS, DNS] },
  { protocol: 17, destinationPorts: [DNS, DNS] },
];

const EIGHT: readonly InterceptSpec[] = [
  intercept(0, { mediation: { address: MEDIATION[1500][4], port: 30_030 } }),
  intercept(1, {
    mediation: { address: MEDIATION[9000][4], port: 30_031 },
    header: { format: "nokia", interceptId: 0x301, sessionId: 0x91 },
  }),
  intercept(2, { mediation: { address: MEDIATION[9000][6], port: 30_030 }, direction: "from" }),
  intercept(3, { mediation: { address: MEDIATION[1500][6], port: 30_031 }, direction: "to", dscp: 46 }),
  intercept(4, { mediation: { address: MEDIATION[9000][4], port: 30_032, portTo: 30_033 } }),
  intercept(5, { mediation: { address: MEDIATION[9000][6], port: 30_032 }, dropPolicy: NO_DNS }),
  intercept(6, { mediation: { address: MEDIATION[9000][4], port: 30_034 }, snapLength: SNAP }),
  intercept(7, {
    mediation: { address: MEDIATION[9000][6], port: 30_034 },
    rate: { bytesPerSecond: 1, burstBytes: RATE_LIMITED_PACKETS * BYTES },
  }),
];
const PORTS = [30_030, 30_031, 30_032, 30_033, 30_034];

/** What an intercept is to get of the packets, in their order, by its own terms alone. */
function wanted(spec: InterceptSpec, direction: Direction, carried: readonly Buffer[]): Buffer[] {
  if (spec.direction !== "both" && spec.direction !== direction) return [];
  const kept = carried.filter((packet) => spec.dropPolicy === undefined || !isDns(packet));
  return kept.map((packet) => packet.subarray(0, spec.snapLength ?? packet.length));
}

/** Those that came for this intercept and direction, by device, port and header. */
function received(spec: InterceptSpec, direction: Direction, datagrams: readonly Datagram[]): Datagram[] {
  const { address, port, portTo = port } = spec.mediation;
  const { format, interceptId, sessionId } = spec.header;
  const shim = format === "nokia" ? nokiaShim(interceptId, sessionId, direction) : junosShim(interceptId, sessionId);
  const isFrom = ({ packet }: Datagram): boolean =>
    packet.readUInt32BE(12) === Buffer.from(SUBSCRIBER4.split(".").map(Number)).readUInt32BE();
  return datagrams.filter(
    (it) =>
      it.address === address &&
      it.port === (direction === "from" ? port : portTo) &&
      it.shim.equals(shim) &&
      isFrom(it) === (direction === "from"),
  );
}

test("eight, each with its own device, header, port, direction, filter, length and rate", async (t) => {
  await using edge = await BridgedEdge.build({ ports: PORTS });
  for (const spec of EIGHT) edge.datapath.put(spec);
  const ninth = intercept(8, { mediation: { address: MEDIATION[1500][4], port: 30_030 } });
  assert.throws(
    () => edge.datapath.put(ninth),
    (error: unknown) => error instanceof DatapathError && error.code === "table-full" && error.field === "matches",
  );
  const carried = { from: packets("from", 60), to: packets("to", 60, 60) };
  for (const direction of ["from", "to"] as const) await carry(edge.line, direction, carried[direction]);
  const due = EIGHT.map((spec) => wanted(spec, "from", carried.from).length + wanted(spec, "to", carried.to).length);
  const total = due.reduce((sum, count) => sum + count, 0) - (due[7] ?? 0) + RATE_LIMITED_PACKETS;
  const datagrams = await collect(edge, total);
  assert.equal(datagrams.length, total, "nothing came that nobody asked for");
  for (const [index, spec] of EIGHT.entries()) {
    const counters = edge.datapath.interceptCounters(spec.key);
    assert.ok(counters);
    let mirrored = 0;
    for (const direction of ["from", "to"] as const) {
      const expected = wanted(spec, direction, carried[direction]);
      const own = received(spec, direction, datagrams);
      if (spec.rate === undefined) assertPackets(own, expected, `${spec.key} ${direction}`);
      else assertSome(own, expected, direction === "from" ? RATE_LIMITED_PACKETS : 0);
      assert.equal(counters[direction].packets, BigInt(own.length), spec.key);
      const bytes = own.reduce((sum, { packet }) => sum + packet.length, 0);
      assert.equal(counters[direction].bytes, BigInt(bytes), spec.key);
      mirrored += own.length;
    }
    assert.equal(counters.dropped, BigInt((due[index] ?? 0) - mirrored), `${spec.key}: dropped`);
    const excluded = spec.dropPolicy === undefined ? 0 : 40;
    assert.equal(counters.excluded, BigInt(excluded), `${spec.key}: excluded`);
  }
  const { dropped, excluded } = edge.datapath.counters();
  assert.equal(dropped["rate"], BigInt((due[7] ?? 0) - RATE_LIMITED_PACKETS));
  assert.equal(excluded, 40n);
  await assertDecodedByTshark(edge, t.name);
});

/** `count` of the packets, each once. Which ones depends on the machine: its CPUs may take packets in turn. */
function assertSome(datagrams: readonly Datagram[], packets: readonly Buffer[], count: number): void {
  const own = datagrams.map(({ packet }) => packet);
  assert.deepEqual([own.length, compare(packets, own).extra], [count, 0], "within the rate");
}

/** tshark knows the Junos header; Nokia's version and direction bits it shows as a part of the identifier. */
async function assertDecodedByTshark(edge: BridgedEdge, name: string): Promise<void> {
  const frames = edge.mediation.onWires();
  const blocks = frames.map((frame) => {
    const block = Buffer.alloc(packetBlockLength(frame.length, "unknown"));
    writePacket(block, 0, frame, frame.length, 0n, "unknown");
    return block;
  });
  const file = edge.lab.path("mediation.pcapng");
  writeFileSync(file, Buffer.concat([fileHeader(LINKTYPE_ETHERNET, name), ...blocks]));
  const seen = (await outerHeaders(file, PORTS)).map(([{ mid, sid }, count]): [string, number] => [
    `${Number(mid).toString(16)}/${Number(sid).toString(16)}`,
    count,
  ]);
  const counts: Record<string, number> = {};
  for (const [ids, count] of seen) counts[ids] = (counts[ids] ?? 0) + count;
  assert.deepEqual(counts, {
    "300/90": 120,
    "302/92": 60,
    "303/93": 60,
    "304/94": 120,
    "305/95": 80,
    "306/96": 120,
    "307/97": RATE_LIMITED_PACKETS,
    "40000301/91": 60,
    "60000301/91": 60,
  });
  const expedited = frames.filter((frame) => dscpOf(frame) === 46).length;
  assert.equal(expedited, 60, "outer DSCP");
}

function dscpOf(frame: Buffer): number | undefined {
  const packet = ipOf({ linkType: LINKTYPE_ETHERNET, data: frame });
  if (packet === undefined) return undefined;
  return packet.readUInt8(0) >>> 4 === 4 ? packet.readUInt8(1) >>> 2 : (packet.readUInt16BE(0) >>> 6) & 0x3f;
}

const STEADY = intercept(0, { mediation: { address: MEDIATION[9000][4], port: 30_030 } });
const OTHER = intercept(1, { mediation: { address: MEDIATION[9000][6], port: 30_030 } });
const OTHER_CHANGED = { ...OTHER, mediation: { ...OTHER.mediation, port: 30_031 } };

test("starting, changing and stopping one, packet by packet: it gets what passes meanwhile, the other gets all", async () => {
  await using edge = await BridgedEdge.build({ ports: PORTS });
  edge.datapath.put(STEADY);
  const all: Buffer[] = [];
  const ofOther = { 30_030: [] as Buffer[], 30_031: [] as Buffer[] };
  for (let round = 0; round < 60; round++) {
    const state = round % 3;
    if (state === 0) edge.datapath.put(OTHER);
    else if (state === 1) edge.datapath.put(OTHER_CHANGED);
    else assert.ok(edge.datapath.remove(OTHER.key));
    const some = packets("from", 5, all.length);
    // They have passed the programs when they arrive.
    await carry(edge.line, "from", some);
    all.push(...some);
    if (state === 0) ofOther[30_030].push(...some);
    if (state === 1) ofOther[30_031].push(...some);
  }
  const datagrams = await collect(edge, all.length + ofOther[30_030].length + ofOther[30_031].length);
  const at = (address: string, port: number): Datagram[] =>
    datagrams.filter((it) => it.address === address && it.port === port);
  assertPackets(at(STEADY.mediation.address, 30_030), all, "steady");
  assertPackets(at(OTHER.mediation.address, 30_030), ofOther[30_030], "other");
  assertPackets(at(OTHER.mediation.address, 30_031), ofOther[30_031], "other, changed");
  assert.deepEqual(
    Object.values(edge.datapath.counters().dropped).filter((count) => count !== 0n),
    [],
  );
});

test("changes under traffic that does not wait: no packet is missed, none is mirrored twice", async () => {
  await using edge = await BridgedEdge.build({ ports: PORTS });
  edge.datapath.put(STEADY);
  const all: Buffer[] = [];
  const changing = intercept(2, { mediation: { address: MEDIATION[1500][4], port: 30_030 } });
  edge.datapath.put(changing);
  for (let round = 0; round < 100; round++) {
    const some = packets("from", 6, all.length);
    all.push(...some);
    const changes = [
      () => edge.datapath.put({ ...changing, mediation: { ...changing.mediation, port: 30_030 + (round % 2) } }),
      () => edge.datapath.put(OTHER),
      () => edge.datapath.remove(OTHER.key),
    ];
    // Sent, and not waited for: the programs meet them while the maps change.
    const carried = carry(edge.line, "from", some);
    changes[round % 3]?.();
    changes[(round + 1) % 3]?.();
    await carried;
  }
  const datagrams = await collect(edge, 2 * all.length);
  assertPackets(
    datagrams.filter(({ address }) => address === STEADY.mediation.address),
    all,
    "steady",
  );
  assertPackets(
    datagrams.filter(({ address }) => address === changing.mediation.address),
    all,
    "changing its port",
  );
});

test("a byte rate: what it drops is counted, super-packets too; mirrored and dropped are what was carried", async () => {
  await using edge = await BridgedEdge.build();
  const bytesPerSecond = 400_000;
  const burstBytes = 100_000;
  const limited = intercept(0, {
    mediation: { address: MEDIATION[9000][4], port: 30_030 },
    rate: { bytesPerSecond, burstBytes },
  });
  const started = performance.now();
  edge.datapath.put(limited);
  let carried = 0;
  for (let round = 0; round < 40; round++) {
    const some = packets("from", 15, carried);
    await carry(edge.line, "from", some);
    carried += some.length;
  }
  const { sent, frames } = burstOf({ link: "untagged", family: 4, size: "GSO" }, "from");
  for (const { frame, offload } of sent) edge.line.send("subscriber", frame, offload);
  carried += frames.length;
  const arrived: Buffer[] = [];
  while (arrived.length < frames.length) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    arrived.push(...edge.line.arrived("server"));
  }
  const took = performance.now() - started;
  const datagrams = await collect(edge, Number(edge.datapath.interceptCounters(limited.key)?.from.packets));
  const counters = edge.datapath.interceptCounters(limited.key);
  assert.ok(counters);
  assert.equal(counters.from.packets, BigInt(datagrams.length));
  assert.ok(counters.dropped > 0n, "the limit was reached");
  assert.equal(counters.from.packets + counters.dropped, BigInt(carried));
  assert.equal(edge.datapath.counters().dropped["rate"], counters.dropped);
  const bytes = datagrams.reduce((sum, { packet }) => sum + packet.length, 0);
  const most = burstBytes + (bytesPerSecond * took) / 1000;
  assert.ok(bytes <= most, `${bytes} bytes mirrored, ${most} allowed`);
  assert.ok(bytes >= burstBytes - BYTES, `${bytes} bytes mirrored, at least the burst was due`);
});

test("a mediation device inside a mirrored prefix, behind an interface with subscribers: no copy is mirrored again", async () => {
  await using edge = await BridgedEdge.build({ interfaces: { access: ["acc*", "med1"] } });
  edge.datapath.put(
    intercept(0, {
      matches: [
        { kind: "ipv4", prefix: "203.0.113.0/24" },
        { kind: "ipv4", prefix: "198.51.100.0/24" },
        { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
      ],
      mediation: { address: MEDIATION[9000][4], port: 30_030 },
    }),
  );
  // Straight to the device, and by way of the stack: too large for the path.
  const small = packets("from", 20);
  const large = Array.from({ length: 10 }, (_, number) => ipv4({ id: number }, udp({}, pattern(8972, number))));
  await carry(edge.line, "from", [...small, ...large]);
  const datagrams = await collect(edge, 30);
  assertPackets(datagrams, [...small, ...large], "copies");
  const { from, to, fragmented } = edge.datapath.counters();
  assert.deepEqual([from.packets, to.packets, fragmented], [30n, 0n, 10n]);
});

test("the same address in two zones: each intercept gets its own zone's packets", async () => {
  await using edge = await BridgedEdge.build({ lines: 2, interfaces: { zones: { acc1: "red" } } });
  const [first, second] = edge.lines;
  assert.ok(second);
  edge.datapath.put(STEADY);
  edge.datapath.put({ ...OTHER, zone: "red" });
  assert.throws(
    () => edge.datapath.put({ ...OTHER, key: "intercept-9", zone: "blue" }),
    (error: unknown) => error instanceof DatapathError && error.code === "invalid" && error.field === "zone",
  );
  const [plain, red] = [packets("from", 30), packets("from", 30, 30)];
  const back = { plain: packets("to", 30, 60), red: packets("to", 30, 90) };
  await carry(first, "from", plain);
  await carry(second, "from", red);
  await carry(first, "to", back.plain);
  await carry(second, "to", back.red);
  const datagrams = await collect(edge, 120);
  const at = (address: string): Datagram[] => datagrams.filter((it) => it.address === address);
  assertPackets(at(STEADY.mediation.address), [...plain, ...back.plain], "default zone");
  assertPackets(at(OTHER.mediation.address), [...red, ...back.red], "red zone");
});
