/**
 * A UDP socket that is emptied by the batch (recvmmsg(2)), with the kernel's own times of arrival. Node's sockets cost
 * twice as much a datagram, and cannot have a receive buffer above net.core.rmem_max.
 */
import { isIPv6 } from "node:net";
import koffi from "koffi";
import {
  AF_INET,
  AF_INET6,
  IOVEC_BYTES,
  MMSGHDR,
  MMSGHDR_BYTES,
  SenderTexts,
  SOCKADDR_BYTES,
  socketAddress,
} from "../net/datagrams.js";
import { lastErrno, libc } from "../net/libc.js";

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SO_MEMINFO = 55;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_UDP = 17;
/** linux/udp.h */
const UDP_NO_CHECK6_RX = 102;
const MSG_DONTWAIT = 0x40;

/** Datagrams a call. */
const BATCH = 64;
/** More than the largest UDP datagram. */
const SLOT_BYTES = 64 * 1024;
/** One control message: `struct cmsghdr` (16 bytes), `struct timespec` (seconds and nanoseconds, 64 bits each). */
const CONTROL_BYTES = 32;
/** Words of `SO_MEMINFO` (linux/sock_diag.h). */
const MEMINFO = { bytes: 36, receiveBuffer: 4, drops: 32 };

export class SocketError extends Error {
  override readonly name = "SocketError";
  constructor(
    readonly call: string,
    /** Name of the errno, e.g. `EADDRINUSE`. */
    readonly code: string,
  ) {
    super(`${call} failed (${code})`);
  }
}

/** `timeNs`: nanoseconds since the epoch, as the kernel received it. The datagram is valid during the call alone. */
export type TakeDatagram = (datagram: Buffer, source: string, timeNs: bigint) => void;

export class BatchSocket {
  readonly #fd: number;
  readonly #slots = Buffer.allocUnsafeSlow(BATCH * SLOT_BYTES);
  readonly #names = Buffer.allocUnsafeSlow(BATCH * SOCKADDR_BYTES);
  readonly #controls = Buffer.allocUnsafeSlow(BATCH * CONTROL_BYTES);
  readonly #vectors = Buffer.allocUnsafeSlow(BATCH * IOVEC_BYTES);
  readonly #messages = Buffer.alloc(BATCH * MMSGHDR_BYTES);
  readonly #senders: SenderTexts;

  /**
   * Binds to `address` (IP literal) and `port`. Asks for `receiveBuffer` bytes of packets: all of it where the process
   * has CAP_NET_ADMIN, else what net.core.rmem_max allows. Throws SocketError.
   */
  constructor(address: string, port: number, receiveBuffer: number) {
    const isIpv6 = isIPv6(address);
    this.#senders = new SenderTexts(isIpv6 ? 6 : 4);
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.#fd = libc().socket(isIpv6 ? AF_INET6 : AF_INET, type, 0);
    if (this.#fd < 0) throw new SocketError("socket", lastErrno());
    try {
      if (isIpv6) this.#set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
      // Copies come without a UDP checksum, as RFC 6935 allows; unless a socket says that it takes them, they are dropped.
      if (isIpv6) this.#set(SOL_UDP, UDP_NO_CHECK6_RX, 1);
      this.#set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
      if (!this.#trySet(SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer)) this.#set(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
      const name = socketAddress(address, port);
      if (name === undefined) throw new SocketError("bind", "EINVAL");
      if (libc().bind(this.#fd, name, name.length) !== 0) throw new SocketError("bind", lastErrno());
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
    for (let index = 0; index < BATCH; index++) this.#describe(index);
  }

  /** Bytes of packets that the kernel will queue: it doubles what it is asked for, to pay for its own book-keeping. */
  get receiveBufferBytes(): number {
    return this.#memoryInfo().readUInt32LE(MEMINFO.receiveBuffer) / 2;
  }

  /** Datagrams that the kernel dropped because the receive buffer was full. */
  get drops(): number {
    return this.#memoryInfo().readUInt32LE(MEMINFO.drops);
  }

  /** Takes in one batch of what has arrived. Returns how many; fewer than asked for means that no more is there. */
  receive(take: TakeDatagram): number {
    const count = libc().recvmmsg(this.#fd, this.#messages, BATCH, MSG_DONTWAIT, null);
    // EAGAIN: nothing there. Whatever else (a signal, an ICMP error that somebody sent) says nothing of what comes next.
    if (count <= 0) return 0;
    for (let index = 0; index < count; index++) {
      const at = index * MMSGHDR_BYTES;
      const length = this.#messages.readUInt32LE(at + MMSGHDR.length);
      const start = index * SLOT_BYTES;
      take(
        this.#slots.subarray(start, start + length),
        this.#senders.of(this.#names, index * SOCKADDR_BYTES),
        this.#arrival(index),
      );
      this.#messages.writeUInt32LE(SOCKADDR_BYTES, at + MMSGHDR.nameLength);
      this.#messages.writeUInt32LE(CONTROL_BYTES, at + MMSGHDR.controlLength);
    }
    return count;
  }

  close(): void {
    libc().close(this.#fd);
  }

  #describe(index: number): void {
    const at = index * MMSGHDR_BYTES;
    const vector = index * IOVEC_BYTES;
    this.#vectors.writeBigUInt64LE(koffi.address(this.#slots) + BigInt(index * SLOT_BYTES), vector);
    this.#vectors.writeBigUInt64LE(BigInt(SLOT_BYTES), vector + 8);
    const messages = this.#messages;
    messages.writeBigUInt64LE(koffi.address(this.#names) + BigInt(index * SOCKADDR_BYTES), at + MMSGHDR.name);
    messages.writeUInt32LE(SOCKADDR_BYTES, at + MMSGHDR.nameLength);
    messages.writeBigUInt64LE(koffi.address(this.#vectors) + BigInt(vector), at + MMSGHDR.vectors);
    messages.writeUInt32LE(1, at + MMSGHDR.vectorCount);
    messages.writeBigUInt64LE(koffi.address(this.#controls) + BigInt(index * CONTROL_BYTES), at + MMSGHDR.control);
    messages.writeUInt32LE(CONTROL_BYTES, at + MMSGHDR.controlLength);
  }

  /** The time is the only control message that this socket asks for. */
  #arrival(index: number): bigint {
    if (this.#messages.readUInt32LE(index * MMSGHDR_BYTES + MMSGHDR.controlLength) < CONTROL_BYTES) {
      return BigInt(Date.now()) * 1_000_000n;
    }
    const at = index * CONTROL_BYTES;
    return this.#controls.readBigInt64LE(at + 16) * 1_000_000_000n + this.#controls.readBigInt64LE(at + 24);
  }

  #memoryInfo(): Buffer {
    const info = Buffer.alloc(MEMINFO.bytes);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(info.length);
    if (libc().getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, info, length) !== 0) {
      throw new SocketError("getsockopt", lastErrno());
    }
    return info;
  }

  #set(level: number, option: number, value: number): void {
    if (!this.#trySet(level, option, value)) throw new SocketError("setsockopt", lastErrno());
  }

  #trySet(level: number, option: number, value: number): boolean {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return libc().setsockopt(this.#fd, level, option, bytes, bytes.length) === 0;
  }
}
