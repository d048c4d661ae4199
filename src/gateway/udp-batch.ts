/**
 * Datagrams by the batch, recvmmsg(2) and sendmmsg(2), on a socket that Node watches: its own way costs several times as
 * much processor time a datagram. Layouts are those of 64-bit little-endian Linux (x86-64, arm64).
 */
import { isIPv6 } from "node:net";
import { constants } from "node:os";
import koffi from "koffi";
import {
  AF_INET,
  AF_INET6,
  IOVEC_BYTES,
  MMSGHDR,
  MMSGHDR_BYTES,
  SOCKADDR_BYTES,
  socketAddress,
} from "../net/datagrams.js";
import { errnoCode, lastErrno, libc } from "../net/libc.js";
import { MAX_PACKET_BYTES } from "../radius/packet.js";

const { EAGAIN, EINTR } = constants.errno;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const MSG_DONTWAIT = 0x40;

/** Datagrams a call. */
const BATCH = 64;
/** One byte more than a RADIUS packet: what is longer is told from what fits. */
const SLOT_BYTES = MAX_PACKET_BYTES + 8;
/** What the kernel may queue while we work; without CAP_NET_ADMIN, net.core.rmem_max limits it. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** A socket cannot be made. `code` and `syscall` are those of Node's own errors. */
export class UdpError extends Error {
  override readonly name = "UdpError";
  constructor(
    readonly syscall: string,
    readonly code: string,
    readonly address: string,
    readonly port: number,
  ) {
    super(`${syscall} ${code} ${address}:${port}`);
  }
}

/** A new socket, bound or connected. Returns its descriptor. Throws UdpError. */
export function openUdp(how: "bind" | "connect", address: string, port: number): number {
  const fd = libc().socket(isIPv6(address) ? AF_INET6 : AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw new UdpError("socket", lastErrno(), address, port);
  if (isIPv6(address)) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)) {
    setOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  }
  const name = nameOf(address, port);
  if (libc()[how](fd, name, name.length) === 0) return fd;
  const code = lastErrno();
  libc().close(fd);
  throw new UdpError(how, code, address, port);
}

function setOption(fd: number, level: number, option: number, value: number): boolean {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return libc().setsockopt(fd, level, option, bytes, bytes.length) === 0;
}

/** Messages of one direction: slots for datagrams and addresses, described once. */
class Messages {
  readonly slots = Buffer.allocUnsafeSlow(BATCH * SLOT_BYTES);
  readonly names = Buffer.alloc(BATCH * SOCKADDR_BYTES);
  readonly headers = Buffer.alloc(BATCH * MMSGHDR_BYTES);
  readonly #vectors = Buffer.alloc(BATCH * IOVEC_BYTES);

  constructor(hasNames: boolean) {
    const [slots, names, vectors] = [this.slots, this.names, this.#vectors].map((buffer) => koffi.address(buffer)) as [
      bigint,
      bigint,
      bigint,
    ];
    for (let index = 0; index < BATCH; index++) {
      this.#vectors.writeBigUInt64LE(slots + BigInt(index * SLOT_BYTES), index * IOVEC_BYTES);
      const at = index * MMSGHDR_BYTES;
      if (hasNames) this.headers.writeBigUInt64LE(names + BigInt(index * SOCKADDR_BYTES), at + MMSGHDR.name);
      this.headers.writeBigUInt64LE(vectors + BigInt(index * IOVEC_BYTES), at + MMSGHDR.vectors);
      this.headers.writeUInt32LE(1, at + MMSGHDR.vectorCount);
      this.setLength(index, SLOT_BYTES);
      this.setNameLength(index, hasNames ? SOCKADDR_BYTES : 0);
    }
  }

  setLength(index: number, length: number): void {
    this.#vectors.writeUInt32LE(length, index * IOVEC_BYTES + 8);
  }

  setNameLength(index: number, length: number): void {
    this.headers.writeUInt32LE(length, index * MMSGHDR_BYTES + MMSGHDR.nameLength);
  }

  received(index: number): number {
    return this.headers.readUInt32LE(index * MMSGHDR_BYTES + MMSGHDR.length);
  }
}

export class BatchReceiver<S> {
  readonly #messages: Messages;

  /** `sender` makes of the `sockaddr` that begins at `at` what is handed on with a datagram; absent on a connected socket. */
  constructor(
    private readonly fd: number,
    private readonly sender?: (names: Buffer, at: number) => S,
  ) {
    this.#messages = new Messages(sender !== undefined);
  }

  /** Takes in one batch of what has arrived. Returns how many, or the errno's name where the kernel reports an error. */
  receive(take: (bytes: Buffer, sender: S | undefined) => void): number | string {
    const messages = this.#messages;
    const count = libc().recvmmsg(this.fd, messages.headers, BATCH, MSG_DONTWAIT, null);
    if (count < 0) {
      const errno = koffi.errno();
      return errno === EAGAIN || errno === EINTR ? 0 : errnoCode(errno);
    }
    for (let index = 0; index < count; index++) {
      const start = index * SLOT_BYTES;
      // A copy: what is done about a request outlasts this call.
      const bytes = Buffer.allocUnsafe(messages.received(index));
      messages.slots.copy(bytes, 0, start, start + bytes.length);
      take(bytes, this.sender?.(messages.names, index * SOCKADDR_BYTES));
      if (this.sender !== undefined) messages.setNameLength(index, SOCKADDR_BYTES);
    }
    return count;
  }
}

interface Outgoing {
  readonly bytes: Buffer;
  /** Undefined on a connected socket. */
  readonly to: Buffer | undefined;
}

/** Datagrams that wait because the kernel's buffer is full; more are dropped, as the network would. */
const MAX_WAITING = 16_384;

export class BatchSender {
  readonly #messages: Messages;
  #waiting: Outgoing[] = [];
  #isScheduled = false;
  #isClosed = false;

  /** `failed` is called with the errno's name when the kernel refuses a datagram. */
  constructor(
    private readonly fd: number,
    isConnected: boolean,
    private readonly failed: (code: string) => void,
  ) {
    this.#messages = new Messages(!isConnected);
  }

  /** Sends with all that is sent in this turn of the event loop; `to` is a `sockaddr`, and absent on a connected socket. */
  send(bytes: Buffer, to?: Buffer): void {
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push({ bytes, to });
    this.#schedule();
  }

  /** The descriptor may be another socket's after this. */
  close(): void {
    this.#flush();
    this.#isClosed = true;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    let done = 0;
    while (done < this.#waiting.length && !this.#isClosed) {
      const count = Math.min(BATCH, this.#waiting.length - done);
      for (let index = 0; index < count; index++) this.#fill(index, this.#waiting[done + index] as Outgoing);
      const sent = libc().sendmmsg(this.fd, this.#messages.headers, count, MSG_DONTWAIT);
      if (sent >= 0) {
        done += sent;
        continue;
      }
      const errno = koffi.errno();
      if (errno === EAGAIN) break;
      // The error stands before the first of them: that one is given up, or tried again by whoever waits for an answer.
      done++;
      this.failed(errnoCode(errno));
    }
    this.#waiting = this.#waiting.slice(done);
    if (this.#waiting.length > 0) this.#schedule();
  }

  #fill(index: number, { bytes, to }: Outgoing): void {
    const messages = this.#messages;
    bytes.copy(messages.slots, index * SLOT_BYTES);
    messages.setLength(index, bytes.length);
    if (to === undefined) return;
    to.copy(messages.names, index * SOCKADDR_BYTES);
    messages.setNameLength(index, to.length);
  }
}

function nameOf(address: string, port: number): Buffer {
  const name = socketAddress(address, port);
  if (name === undefined) throw new UdpError("address", "EINVAL", address, port);
  return name;
}
