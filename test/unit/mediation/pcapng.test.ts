import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { MirroredDirection } from "../../../src/mediation/datagram.js";
import { fileHeader, LINKTYPE_RAW, packetBlockLength, writePacket } from "../../../src/mediation/pcapng.js";
import { readFrames } from "../../lab/parts/pcap.js";

/** An ICMP echo request from 100.64.0.7 to 203.0.113.2, checksums right, `payload` bytes of payload. */
function echo(payload: number): Buffer {
  const packet = Buffer.alloc(28 + payload, 0x61);
  Buffer.from("4500001c000100004001000064400007cb0071020800000000010001", "hex").copy(packet);
  packet.writeUInt16BE(packet.length, 2);
  return packet;
}

const directory = mkdtempSync(join(tmpdir(), "submirror-pcapng-"));
after(() => rmSync(directory, { recursive: true }));

const BASE_NS = 1_795_331_045_123_456_789n;
const DIRECTIONS: readonly MirroredDirection[] = ["unknown", "from", "to"];

/** Payloads of every length modulo 4: each needs another padding. */
function write(name: string): { path: string; packets: Buffer[] } {
  const packets = [0, 1, 2, 3, 1472].map(echo);
  const blocks = packets.map((packet, index) => {
    const direction = DIRECTIONS[index % 3] ?? "unknown";
    const block = Buffer.alloc(packetBlockLength(packet.length, direction), 0xee);
    const end = writePacket(block, 0, packet, packet.length + index, BASE_NS + BigInt(index), direction);
    assert.equal(end, block.length);
    return block;
  });
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat([fileHeader(LINKTYPE_RAW, "0x300_0x90"), ...blocks]));
  return { path, packets };
}

describe("the pcapng files", () => {
  it("are read by tshark: bytes, nanoseconds, lengths, directions", () => {
    const { path, packets } = write("tshark.pcapng");
    const fields = [
      "frame.time_epoch",
      "frame.cap_len",
      "frame.len",
      "frame.packet_flags_direction",
      "ip.src",
      "ip.dst",
    ];
    const rows = execFileSync("tshark", ["-r", path, "-T", "fields", ...fields.flatMap((name) => ["-e", name])], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    const flags = ["", "0x00000001", "0x00000002"];
    assert.deepEqual(
      rows,
      packets.map(({ length }, index) => [
        `1795331045.${123_456_789 + index}`,
        String(length),
        String(length + index),
        flags[index % 3],
        "100.64.0.7",
        "203.0.113.2",
      ]),
    );
    const hex = execFileSync("tshark", ["-r", path, "-T", "json", "-x", "-j", "frame_raw"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    for (const packet of packets) assert.ok(hex.includes(packet.toString("hex")));
  });

  it("are read by the lab's own reader", () => {
    const { path, packets } = write("own.pcapng");
    const frames = [...readFrames(path)];
    assert.deepEqual(
      frames.map(({ timeNs, linkType, originalLength, flags }) => [timeNs, linkType, originalLength, flags]),
      packets.map(({ length }, index) => [BASE_NS + BigInt(index), LINKTYPE_RAW, length + index, index % 3]),
    );
    frames.forEach(({ data }, index) => assert.ok(data.equals(packets[index] ?? Buffer.alloc(0))));
  });
});
