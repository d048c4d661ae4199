/** The lab's judges are judged: captures made by hand, with every fault that they must find. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileHeader, LINKTYPE_RAW, packetBlockLength, writePacket } from "../../../src/mediation/pcapng.js";
import { compare, compareFiles, subscriberPackets } from "../../lab/parts/compare.js";
import { comparePassage } from "../../lab/parts/originals.js";
import { checksumsRight, ipOf, onesComplementSum, parseIp } from "../../lab/parts/packet.js";
import { readFrames } from "../../lab/parts/pcap.js";
import { PrefixSet } from "../../lab/parts/prefix.js";

const directory = mkdtempSync(join(tmpdir(), "submirror-compare-"));
after(() => rmSync(directory, { recursive: true }));

const ALICE = "64400007";
const SERVER = "cb007102";
const ADDRESSES = new PrefixSet(["100.64.0.7/32", "2001:db8:1::/64"]);
const LINKTYPE_ETHERNET = 1;

/** TCP over IPv4 with right checksums. */
function tcp(source: string, destination: string, sequence: number, payload: Buffer, ttl = 64): Buffer {
  const packet = Buffer.alloc(40 + payload.length);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt8(ttl, 8);
  packet.writeUInt8(6, 9);
  Buffer.from(source + destination, "hex").copy(packet, 12);
  packet.writeUInt16BE(8080, 20);
  packet.writeUInt16BE(40000, 22);
  packet.writeUInt32BE(sequence, 24);
  packet.writeUInt16BE(0x5010, 32);
  payload.copy(packet, 40);
  const pseudo = onesComplementSum(packet.subarray(12, 20), 6 + packet.length - 20);
  packet.writeUInt16BE(onesComplementSum(packet.subarray(20), pseudo) ^ 0xffff, 36);
  packet.writeUInt16BE(onesComplementSum(packet.subarray(0, 20)) ^ 0xffff, 10);
  return packet;
}

const down = (sequence: number, bytes: number, ttl?: number): Buffer =>
  tcp(SERVER, ALICE, sequence, Buffer.alloc(bytes, sequence & 0xff), ttl);
const up = (sequence: number): Buffer => tcp(ALICE, SERVER, sequence, Buffer.alloc(0));

/** Ethernet frames in a pcapng file, a microsecond apart. */
function capture(name: string, packets: readonly Buffer[], linkType = LINKTYPE_ETHERNET): string {
  const path = join(directory, name);
  const blocks = packets.map((packet, index) => {
    const ethernet = Buffer.from("0200000000010200000000020800", "hex");
    const frame = linkType === LINKTYPE_ETHERNET ? Buffer.concat([ethernet, packet]) : packet;
    const block = Buffer.alloc(packetBlockLength(frame.length, "unknown"));
    writePacket(block, 0, frame, frame.length, BigInt(index) * 1000n, "unknown");
    return block;
  });
  writeFileSync(path, Buffer.concat([fileHeader(linkType, name), ...blocks]));
  return path;
}

describe("the comparison of carried and mirrored packets", () => {
  const packets = [1, 2, 3, 4].map((sequence) => down(sequence, 100));
  const changed = (packet: Buffer | undefined): Buffer => {
    const copy = Buffer.from(packet ?? []);
    copy.writeUInt8(copy.readUInt8(70) ^ 1, 70);
    return copy;
  };

  it("finds nothing where nothing is wrong", () => {
    const { sent, sentBytes, mirrored, mirroredBytes, byteExact, missing, extra, outOfOrder } = compare(
      packets,
      packets,
    );
    assert.deepEqual([sent, sentBytes, mirrored, mirroredBytes], [4, 560, 4, 560]);
    assert.deepEqual([byteExact, missing, extra, outOfOrder], [true, 0, 0, 0]);
    assert.ok(compare([], []).byteExact);
  });

  it("finds a missing, a repeated, a changed and a displaced packet", () => {
    const [one, two, three, four] = packets as [Buffer, Buffer, Buffer, Buffer];
    const judge = (mirrored: readonly Buffer[]): unknown[] => {
      const { missing, extra, outOfOrder, byteExact, missingAt, extraAt } = compare(packets, mirrored);
      return [missing, extra, outOfOrder, byteExact, missingAt, extraAt];
    };
    assert.deepEqual(judge([one, three, four]), [1, 0, 0, false, [1], []]);
    assert.deepEqual(judge([one, two, two, three, four]), [0, 1, 0, false, [], [2]]);
    assert.deepEqual(judge([one, changed(two), three, four]), [1, 1, 0, false, [1], [1]]);
    assert.deepEqual(judge([two, one, three, four]), [0, 0, 1, true, [], []]);
    assert.deepEqual(judge([]), [4, 0, 0, false, [0, 1, 2, 3], []]);
  });

  it("matches packets of the same bytes one to one", () => {
    const same = [up(5), up(5), up(5)];
    assert.equal(compare(same, same.slice(1)).missing, 1);
    assert.equal(compare(same.slice(1), same).extra, 1);
    assert.ok(compare(same, same).byteExact);
  });

  it("takes from a capture what is the subscriber's, by direction and time", () => {
    const stranger = tcp(SERVER, "64400008", 1, Buffer.alloc(1));
    const path = capture("carried", [up(1), down(1, 10), stranger, up(2), down(11, 10)]);
    const { from, to } = subscriberPackets(path, ADDRESSES);
    assert.deepEqual([from.length, to.length], [2, 2]);
    const late = subscriberPackets(path, ADDRESSES, { after: 1000n, before: 3000n });
    assert.deepEqual([late.from.length, late.to.length], [1, 1]);
  });

  it("finds a stranger's packet in the mirror", () => {
    const carried = capture("carried-2", [up(1), down(1, 10)]);
    const good = compareFiles(carried, [capture("mirror-2", [up(1), down(1, 10)], LINKTYPE_RAW)], ADDRESSES);
    assert.ok(good.from.byteExact && good.to.byteExact && good.from.sent === 1 && good.to.sent === 1);
    const stranger = tcp(SERVER, "64400008", 1, Buffer.alloc(1));
    const bad = compareFiles(carried, [capture("mirror-3", [up(1), down(1, 10), stranger], LINKTYPE_RAW)], ADDRESSES);
    assert.equal(bad.to.extra, 1);
  });
});

describe("the comparison of originals", () => {
  const all = (): boolean => true;
  const stream = [down(1000, 3000), down(4000, 1000)];
  const segments = [1000, 2000, 3000, 4000].map((at) => {
    const payload = Buffer.concat([Buffer.alloc(3000, 1000 & 0xff), Buffer.alloc(1000, 4000 & 0xff)]);
    return tcp(SERVER, ALICE, at, payload.subarray(at - 1000, at), 63);
  });

  it("takes a stream for the same whether a super-packet or its segments carry it", () => {
    const { differences, tcpPayloadBytes } = comparePassage(
      capture("s1", stream),
      capture("a1", segments),
      all,
      "arrived",
    );
    assert.deepEqual(differences, []);
    assert.equal(tcpPayloadBytes, 4000);
  });

  it("finds what is lost, out of order, changed, or has a wrong checksum", () => {
    const sent = capture("s2", stream);
    const [one, two, three, four] = segments as [Buffer, Buffer, Buffer, Buffer];
    const broken = Buffer.from(two);
    broken.writeUInt8(broken.readUInt8(80) ^ 0xff, 80);
    const judge = (name: string, arrived: readonly Buffer[]): number =>
      comparePassage(sent, capture(name, arrived), all, "arrived").differences.length;
    assert.equal(judge("a2", [one, three, four]), 1);
    assert.equal(judge("a3", [one, three, two, four]), 1);
    assert.equal(judge("a4", [one, broken, three, four]), 2);
    assert.equal(judge("a5", [one, two, three, four, four]), 1);
    assert.equal(judge("a6", [one, two, three, four, up(1)]), 1);
    assert.equal(judge("a7", [one, two, three, four]), 0);
  });
});

describe("reading frames", () => {
  it("looks behind VLAN tags and PPPoE", () => {
    const packet = up(1);
    const macs = "020000000001020000000002";
    const heads = ["0800", "810000640800", "88a80064810000c80800", "88641100000700000021"];
    for (const head of heads) {
      const data = Buffer.concat([Buffer.from(macs + head, "hex"), packet]);
      assert.ok(ipOf({ linkType: LINKTYPE_ETHERNET, data })?.equals(packet), head);
    }
    const arp = Buffer.from(`${macs}0806${"00".repeat(28)}`, "hex");
    assert.equal(ipOf({ linkType: LINKTYPE_ETHERNET, data: arp }), undefined);
  });

  it("reads pcap in either byte order and resolution", () => {
    for (const [magic, expected] of [
      ["d4c3b2a1", 5_000_007_000n],
      ["4d3cb2a1", 5_000_000_007n],
      ["a1b2c3d4", 5_000_007_000n],
    ] as const) {
      const little = magic.endsWith("a1");
      const number = (value: number): Buffer => {
        const bytes = Buffer.alloc(4);
        if (little) bytes.writeUInt32LE(value);
        else bytes.writeUInt32BE(value);
        return bytes;
      };
      const head = Buffer.concat([Buffer.from(magic, "hex"), ...[0, 0, 0, 65535, 1].map(number)]);
      const frame = Buffer.concat([...[5, 7, 3, 60].map(number), Buffer.from("abc")]);
      const path = join(directory, `${magic}.pcap`);
      writeFileSync(path, Buffer.concat([head, frame, frame]));
      const frames = [...readFrames(path)];
      assert.equal(frames.length, 2);
      assert.deepEqual([frames[1]?.timeNs, frames[1]?.originalLength, frames[1]?.linkType], [expected, 60, 1]);
      assert.equal(frames[1]?.data.toString(), "abc");
      writeFileSync(path, Buffer.concat([head, frame, frame.subarray(0, -1)]));
      assert.throws(() => [...readFrames(path)], /ends in the middle|too early/);
    }
  });

  it("tells right checksums from wrong ones", () => {
    const packet = down(1, 33);
    const right = (bytes: Buffer): boolean => {
      const ip = parseIp(bytes);
      assert.ok(ip);
      return checksumsRight(bytes, ip);
    };
    assert.ok(right(packet));
    for (const at of [1, 60, 72]) {
      const wrong = Buffer.from(packet);
      wrong.writeUInt8(wrong.readUInt8(at) ^ 4, at);
      assert.ok(!right(wrong), `byte ${at}`);
    }
  });
});
