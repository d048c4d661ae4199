/**
 * Frames as they are, out of and into an interface (packet(7)). Sends super-packets, too: what a network card's driver
 * would say of a frame goes with it. A received frame has its VLAN tag back, which the kernel had taken out of it.
 */
import koffi from "koffi";
import { IOVEC_BYTES, MMSGHDR, MMSGHDR_BYTES } from "../../../src/net/datagrams.js";
import { lastErrno, libc } from "../../../src/net/libc.js";
import { type Offload, offloadHeader } from "../../bpf/network.js";
import { LabError } from "./errors.js";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
/** `struct sockaddr_ll` */
const ADDRESS_BYTES = 20;

const BATCH = 32;
const SLOT_BYTES = 16 * 1024;
/** `struct cmsghdr` and `struct tpacket_auxdata`. */
const CONTROL_BYTES = 40;
const AUXDATA = { status: 16, tag: 32, tagType: 34 };
const STATUS_HAS_TAG = 0x10;
const STATUS_HAS_TAG_TYPE = 0x40;
const ETHERTYPE_VLAN = 0x8100;
const MAC_ADDRESSES = 12;
const BUFFER = 64 * 1024 * 1024;

function option(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  if (libc().setsockopt(fd, level, name, bytes, bytes.length) !== 0)
    throw new LabError(`packet socket: option ${name} was refused (${lastErrno()})`);
}

/** In the namespace that this process is in now. */
function open(device: string, protocol: number): number {
  const fd = libc().socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new LabError(`no packet socket (${lastErrno()})`);
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(indexOf(device), 4);
  if (libc().bind(fd, address, address.length) !== 0)
    throw new LabError(`packet socket: ${device} cannot be had (${lastErrno()})`);
  return fd;
}

function indexOf(device: string): number {
  const index = ifNameToIndex(device);
  if (index === 0) throw new LabError(`there is no ${device} here`);
  return index;
}

const ifNameToIndex = koffi.load("libc.so.6").func("unsigned int if_nametoindex(const char *name)") as (
  name: string,
) => number;

export class FrameSender {
  readonly #fd: number;

  constructor(device: string) {
    this.#fd = open(device, 0);
    option(this.#fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    option(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
  }

  /** Returns the errno's name where the kernel refuses the frame. */
  trySend(frame: Buffer, offload?: Offload): string | undefined {
    const bytes = Buffer.concat([offloadHeader(offload), frame]);
    return libc().send(this.#fd, bytes, bytes.length, 0) === bytes.length ? undefined : lastErrno();
  }

  send(frame: Buffer, offload?: Offload): void {
    const errno = this.trySend(frame, offload);
    if (errno !== undefined) throw new LabError(`the kernel did not send a frame of ${frame.length} bytes (${errno})`);
  }

  close(): void {
    libc().close(this.#fd);
  }
}

export class FrameReceiver {
  readonly #fd: number;
  readonly #slots = Buffer.allocUnsafeSlow(BATCH * SLOT_BYTES);
  readonly #controls = Buffer.allocUnsafeSlow(BATCH * CONTROL_BYTES);
  readonly #vectors = Buffer.allocUnsafeSlow(BATCH * IOVEC_BYTES);
  readonly #messages = Buffer.alloc(BATCH * MMSGHDR_BYTES);

  /** Frames that come in at `device`; what leaves there is not seen. */
  constructor(device: string) {
    this.#fd = open(device, ETH_P_ALL);
    option(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
    option(this.#fd, SOL_PACKET, PACKET_AUXDATA, 1);
    option(this.#fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    for (let index = 0; index < BATCH; index++) this.#describe(index);
  }

  /** All frames that have arrived. Throws LabError where the socket lost one. */
  drain(): Buffer[] {
    const frames: Buffer[] = [];
    for (;;) {
      const count = libc().recvmmsg(this.#fd, this.#messages, BATCH, 0, null);
      for (let index = 0; index < count; index++) frames.push(this.#take(index));
      if (count < BATCH) break;
    }
    const drops = this.#drops();
    if (drops > 0) throw new LabError(`a packet socket lost ${drops} frames: receive buffer`);
    return frames;
  }

  close(): void {
    libc().close(this.#fd);
  }

  #describe(index: number): void {
    const [at, vector] = [index * MMSGHDR_BYTES, index * IOVEC_BYTES];
    this.#vectors.writeBigUInt64LE(koffi.address(this.#slots) + BigInt(index * SLOT_BYTES), vector);
    this.#vectors.writeBigUInt64LE(BigInt(SLOT_BYTES), vector + 8);
    this.#messages.writeBigUInt64LE(koffi.address(this.#vectors) + BigInt(vector), at + MMSGHDR.vectors);
    this.#messages.writeUInt32LE(1, at + MMSGHDR.vectorCount);
    this.#messages.writeBigUInt64LE(
      koffi.address(this.#controls) + BigInt(index * CONTROL_BYTES),
      at + MMSGHDR.control,
    );
    this.#messages.writeUInt32LE(CONTROL_BYTES, at + MMSGHDR.controlLength);
  }

  #take(index: number): Buffer {
    const at = index * MMSGHDR_BYTES;
    const length = this.#messages.readUInt32LE(at + MMSGHDR.length);
    this.#messages.writeUInt32LE(CONTROL_BYTES, at + MMSGHDR.controlLength);
    const frame = this.#slots.subarray(index * SLOT_BYTES, index * SLOT_BYTES + length);
    return Buffer.concat([frame.subarray(0, MAC_ADDRESSES), this.#tag(index), frame.subarray(MAC_ADDRESSES)]);
  }

  #tag(index: number): Buffer {
    const auxdata = this.#controls.subarray(index * CONTROL_BYTES, (index + 1) * CONTROL_BYTES);
    const status = auxdata.readUInt32LE(AUXDATA.status);
    if (!(status & STATUS_HAS_TAG)) return Buffer.alloc(0);
    const tag = Buffer.alloc(4);
    tag.writeUInt16BE(status & STATUS_HAS_TAG_TYPE ? auxdata.readUInt16LE(AUXDATA.tagType) : ETHERTYPE_VLAN, 0);
    tag.writeUInt16BE(auxdata.readUInt16LE(AUXDATA.tag), 2);
    return tag;
  }

  /** Since the last call. */
  #drops(): number {
    const statistics = Buffer.alloc(8);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(statistics.length);
    if (libc().getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, statistics, length) !== 0)
      throw new LabError(`packet socket: no statistics (${lastErrno()})`);
    return statistics.readUInt32LE(4);
  }
}
