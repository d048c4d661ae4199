/**
 * The three pcapng blocks that a capture of mirrored packets needs (draft-ietf-opsawg-pcapng: section header, interface
 * description, enhanced packet), in this machine's favourite byte order, little-endian. Times are nanoseconds.
 */
import type { MirroredDirection } from "./datagram.js";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const OPTION_END = 0;
const SHB_USER_APPLICATION = 4;
const IDB_NAME = 2;
const IDB_TIMESTAMP_RESOLUTION = 9;
const EPB_FLAGS = 2;
const NANOSECONDS = 9;

/** Low two bits of epb_flags, seen from the router's access interface: inbound is what the subscriber sends. */
const DIRECTION_FLAG: Record<Exclude<MirroredDirection, "unknown">, number> = { from: 1, to: 2 };

export const LINKTYPE_RAW = 101;

const padded = (length: number): number => (length + 3) & ~3;

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function block(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  body.copy(bytes, 8);
  bytes.writeUInt32LE(bytes.length, bytes.length - 4);
  return bytes;
}

/** What every file begins with: one section, one interface. `name` is shown by readers as the interface's name. */
export function fileHeader(linkType: number, name: string): Buffer {
  const end = option(OPTION_END, Buffer.alloc(0));
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  const description = Buffer.alloc(8);
  description.writeUInt16LE(linkType, 0);
  return Buffer.concat([
    block(SECTION_HEADER, Buffer.concat([section, option(SHB_USER_APPLICATION, Buffer.from("submirror")), end])),
    block(
      INTERFACE_DESCRIPTION,
      Buffer.concat([
        description,
        option(IDB_NAME, Buffer.from(name)),
        option(IDB_TIMESTAMP_RESOLUTION, Buffer.of(NANOSECONDS)),
        end,
      ]),
    ),
  ]);
}

/** Bytes that `writePacket` takes for a packet of `length` bytes. */
export function packetBlockLength(length: number, direction: MirroredDirection): number {
  return 32 + padded(length) + (direction === "unknown" ? 0 : 12);
}

/**
 * Writes one enhanced packet block at `offset`, where `packetBlockLength` bytes must be free; returns the offset after it.
 * @param timeNs nanoseconds since the epoch
 * @param originalLength bytes of the packet before it was cut
 */
export function writePacket(
  target: Buffer,
  offset: number,
  packet: Buffer,
  originalLength: number,
  timeNs: bigint,
  direction: MirroredDirection,
): number {
  const length = packetBlockLength(packet.length, direction);
  target.writeUInt32LE(ENHANCED_PACKET, offset);
  target.writeUInt32LE(length, offset + 4);
  target.writeUInt32LE(0, offset + 8);
  target.writeUInt32LE(Number(timeNs >> 32n), offset + 12);
  target.writeUInt32LE(Number(timeNs & 0xffff_ffffn), offset + 16);
  target.writeUInt32LE(packet.length, offset + 20);
  target.writeUInt32LE(originalLength, offset + 24);
  packet.copy(target, offset + 28);
  let at = offset + 28 + padded(packet.length);
  target.fill(0, offset + 28 + packet.length, at);
  if (direction !== "unknown") {
    target.writeUInt16LE(EPB_FLAGS, at);
    target.writeUInt16LE(4, at + 2);
    target.writeUInt32LE(DIRECTION_FLAG[direction], at + 4);
    target.writeUInt32LE(OPTION_END, at + 8);
    at += 12;
  }
  return target.writeUInt32LE(length, at);
}
