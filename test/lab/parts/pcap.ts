/** Reads capture files, packet by packet: pcap (either byte order, microseconds or nanoseconds) and pcapng. */
import { closeSync, openSync, readSync } from "node:fs";
import { LabError } from "./errors.js";

export interface CapturedFrame {
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** LINKTYPE_ number. */
  readonly linkType: number;
  readonly data: Buffer;
  /** Bytes that it had before the capture cut it. */
  readonly originalLength: number;
  /** epb_flags of pcapng, 0 where the file has none. */
  readonly flags: number;
}

const CHUNK_BYTES = 1024 * 1024;

/** A file as a sequence of reads; each `take` is exact or undefined at the end of the file. */
class FileReader {
  readonly #fd: number;
  #buffer = Buffer.alloc(0);

  constructor(readonly path: string) {
    this.#fd = openSync(path, "r");
  }

  /** Undefined at a clean end; a file that ends in the middle of what is asked for is an error, unless `partial`. */
  take(length: number): Buffer | undefined {
    while (this.#buffer.length < length) {
      const more = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, length));
      const bytes = readSync(this.#fd, more);
      if (bytes === 0) {
        if (this.#buffer.length === 0) return undefined;
        throw new LabError(`${this.path} ends in the middle of a packet`);
      }
      this.#buffer = Buffer.concat([this.#buffer, more.subarray(0, bytes)]);
    }
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  must(length: number): Buffer {
    const taken = this.take(length);
    if (taken === undefined) throw new LabError(`${this.path} ends too early`);
    return taken;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

export function* readFrames(path: string): Generator<CapturedFrame> {
  const file = new FileReader(path);
  try {
    const magic = file.must(4);
    if (magic.readUInt32LE(0) === 0x0a0d0d0a) yield* readPcapng(file, magic);
    else yield* readPcap(file, magic);
  } finally {
    file.close();
  }
}

/** Reads numbers in the byte order of the file. */
type ReadNumber = (bytes: Buffer, offset: number) => number;
const little = {
  u16: (b: Buffer, at: number) => b.readUInt16LE(at),
  u32: (b: Buffer, at: number) => b.readUInt32LE(at),
};
const big = { u16: (b: Buffer, at: number) => b.readUInt16BE(at), u32: (b: Buffer, at: number) => b.readUInt32BE(at) };

const PCAP_MAGIC: Readonly<Record<number, bigint>> = { 0xa1b2c3d4: 1000n, 0xa1b23c4d: 1n };

function* readPcap(file: FileReader, magic: Buffer): Generator<CapturedFrame> {
  const order = PCAP_MAGIC[little.u32(magic, 0)] === undefined ? big : little;
  const nsPerUnit = PCAP_MAGIC[order.u32(magic, 0)];
  if (nsPerUnit === undefined) throw new LabError(`${file.path} is neither pcap nor pcapng`);
  const linkType = order.u32(file.must(20), 16) & 0xffff;
  for (let head = file.take(16); head !== undefined; head = file.take(16)) {
    const timeNs = BigInt(order.u32(head, 0)) * 1_000_000_000n + BigInt(order.u32(head, 4)) * nsPerUnit;
    const originalLength = order.u32(head, 12);
    yield { timeNs, linkType, data: file.must(order.u32(head, 8)), originalLength, flags: 0 };
  }
}

interface CaptureInterface {
  readonly linkType: number;
  readonly nsPerUnit: (units: bigint) => bigint;
}

function* readPcapng(file: FileReader, magic: Buffer): Generator<CapturedFrame> {
  let order: { u16: ReadNumber; u32: ReadNumber } = little;
  let interfaces: CaptureInterface[] = [];
  for (let first: Buffer | undefined = magic; first !== undefined; first = file.take(4)) {
    // The section header's type reads the same in both byte orders; its magic says which one the section is in.
    const section = first.readUInt32LE(0) === 0x0a0d0d0a;
    const second = file.must(section ? 8 : 4);
    if (section) {
      order = second.readUInt32LE(4) === 0x1a2b3c4d ? little : big;
      interfaces = [];
    }
    const total = order.u32(second, 0);
    const body = file.must(total - 4 - second.length).subarray(0, -4);
    const type = order.u32(first, 0);
    if (type === 1) interfaces.push(readInterface(body, order));
    else if (type === 6) yield readEnhancedPacket(file.path, body, order, interfaces);
    else if (!section && (type === 2 || type === 3))
      throw new LabError(`${file.path}: packet block ${type} is not read here`);
  }
}

function readInterface(body: Buffer, order: { u16: ReadNumber; u32: ReadNumber }): CaptureInterface {
  const resolution = findOption(body.subarray(8), 9, order)?.readUInt8(0) ?? 6;
  const unitsPerSecond = (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 1n << BigInt(resolution & 0x7f);
  return { linkType: order.u16(body, 0), nsPerUnit: (units) => (units * 1_000_000_000n) / unitsPerSecond };
}

function readEnhancedPacket(
  path: string,
  body: Buffer,
  order: { u16: ReadNumber; u32: ReadNumber },
  interfaces: readonly CaptureInterface[],
): CapturedFrame {
  const on = interfaces[order.u32(body, 0)];
  if (on === undefined) throw new LabError(`${path}: a packet names an interface that the file does not describe`);
  const captured = order.u32(body, 12);
  const options = body.subarray(20 + ((captured + 3) & ~3));
  const flags = findOption(options, 2, order);
  return {
    timeNs: on.nsPerUnit((BigInt(order.u32(body, 4)) << 32n) | BigInt(order.u32(body, 8))),
    linkType: on.linkType,
    data: body.subarray(20, 20 + captured),
    originalLength: order.u32(body, 16),
    flags: flags === undefined ? 0 : order.u32(flags, 0),
  };
}

function findOption(options: Buffer, wanted: number, order: { u16: ReadNumber }): Buffer | undefined {
  for (let at = 0; at + 4 <= options.length; ) {
    const code = order.u16(options, at);
    const length = order.u16(options, at + 2);
    if (code === 0) return undefined;
    if (code === wanted) return options.subarray(at + 4, at + 4 + length);
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}
