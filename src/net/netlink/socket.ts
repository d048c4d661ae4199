/** Requests to the kernel over netlink and their answers. Synchronous: the kernel answers in microseconds. */
import { errnoCode, lastErrno, libc } from "../libc.js";
import { NetlinkError } from "./errors.js";
import {
  encodeMessage,
  fixedPart,
  type NetlinkMessage,
  parseAttributes,
  parseMessages,
  textAttribute,
} from "./message.js";
import { CONTROL, FLAG } from "./uapi.js";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
/** The kernel fills at most 32 KiB of a dump at a time. */
const RECEIVE_BYTES = 256 * 1024;
const RECEIVE_TIMEOUT_S = 10n;
/** Room for the events that the kernel has ready, in its accounting. Memory is taken only as they come. */
export const EVENT_QUEUE_BYTES = 16 * 1024 * 1024;
const ERROR_TEXT = 1;
/** An error message's errno, and the header of the request that it repeats. */
const ERROR_BYTES = 4;
const REPEATED_HEADER_BYTES = 16;
/** While interfaces come and go at a high rate, any dump may be torn. The events tell what it lacks. */
const DUMP_ATTEMPTS = 5;

function setOption(fd: number, level: number, option: number, value: Buffer): boolean {
  return libc().setsockopt(fd, level, option, value, value.length) === 0;
}

function flag(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** Multicast groups that a socket receives, and how many bytes of what they send may wait in it. */
export interface Subscription {
  readonly groups: readonly number[];
  readonly queueBytes: number;
}

/** A netlink socket: with a subscription, one that does not block. Throws NetlinkError. */
export function openNetlink(protocol: number, subscription?: Subscription): number {
  const { groups, queueBytes } = subscription ?? { groups: [], queueBytes: 0 };
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (subscription ? SOCK_NONBLOCK : 0), protocol);
  if (fd < 0) {
    const code = lastErrno();
    throw new NetlinkError(`The kernel gives no netlink socket of protocol ${protocol} (${code}).`, code);
  }
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  const mask = groups.reduce((all, group) => all | (1 << (group - 1)), 0);
  address.writeUInt32LE(mask >>> 0, 8);
  if (subscription) setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, flag(queueBytes));
  if (libc().bind(fd, address, address.length) === 0) return fd;
  const code = lastErrno();
  libc().close(fd);
  throw new NetlinkError(`The netlink socket of protocol ${protocol} cannot be bound (${code}).`, code);
}

function timeout(): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(RECEIVE_TIMEOUT_S, 0);
  return bytes;
}

/** What the kernel says of why it refused, where it says so (NLMSGERR_ATTR_MSG). */
function refusal(message: NetlinkMessage): string | undefined {
  if (message.type !== CONTROL.ERROR || !(message.flags & FLAG.ACK_TLVS)) return undefined;
  const request = fixedPart(message.payload, ERROR_BYTES + REPEATED_HEADER_BYTES, "error").readUInt32LE(ERROR_BYTES);
  const repeated = message.flags & FLAG.CAPPED ? REPEATED_HEADER_BYTES : (request + 3) & ~3;
  return textAttribute(parseAttributes(message.payload, ERROR_BYTES + repeated), ERROR_TEXT);
}

interface Exchange {
  readonly answers: NetlinkMessage[];
  /** The kernel's tables changed while it told of them. */
  readonly torn: boolean;
}

function failure(what: string, code: string, said?: string): NetlinkError {
  const remedy = code === "EPERM" ? "; the process needs CAP_NET_ADMIN" : "";
  return new NetlinkError(`The kernel refused: ${what} (${code}${said ? `: ${said}` : ""}${remedy}).`, code);
}

/** An error message without an error is an acknowledgement. */
function check(message: NetlinkMessage, what: string): void {
  const errno = message.payload.length < ERROR_BYTES ? 0 : -message.payload.readInt32LE();
  if (errno !== 0) throw failure(what, errnoCode(errno), refusal(message));
}

export class NetlinkSocket implements Disposable {
  #fd: number;
  #sequence = 0;
  readonly #buffer = Buffer.allocUnsafe(RECEIVE_BYTES);

  constructor(protocol: number) {
    this.#fd = openNetlink(protocol);
    setOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout());
    setOption(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, flag(1));
    setOption(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, flag(1));
  }

  /** All messages of a dump. `what` is asked for, in the words of an error. Throws NetlinkError. */
  dump(type: number, payload: Buffer, what: string): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const { answers, torn } = this.#exchange(type, FLAG.DUMP, payload, what);
      if (!torn || attempt === DUMP_ATTEMPTS) return answers;
    }
  }

  /** The kernel's answer to a question for one thing. Throws NetlinkError. */
  ask(type: number, payload: Buffer, what: string): NetlinkMessage {
    const [answer] = this.#exchange(type, 0, payload, what).answers;
    if (!answer) throw new NetlinkError(`The kernel did not answer: ${what}.`, "ENODATA");
    return answer;
  }

  /** Has the kernel change something. `flags` such as FLAG.CREATE. Throws NetlinkError. */
  change(type: number, flags: number, payload: Buffer, what: string): void {
    this.#exchange(type, flags | FLAG.ACK, payload, what);
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #exchange(type: number, flags: number, payload: Buffer, what: string): Exchange {
    const sequence = ++this.#sequence;
    const request = encodeMessage(type, flags | FLAG.REQUEST, sequence, payload);
    if (libc().send(this.#fd, request, request.length, 0) !== request.length) throw failure(what, lastErrno());
    const expectsEnd = (flags & (FLAG.DUMP | FLAG.ACK)) !== 0;
    const answers: NetlinkMessage[] = [];
    let torn = false;
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== sequence) continue;
        torn ||= (message.flags & FLAG.DUMP_INTR) !== 0;
        if (message.type === CONTROL.ERROR || message.type === CONTROL.DONE) {
          check(message, what);
          return { answers, torn };
        }
        answers.push(message);
        if (!expectsEnd) return { answers, torn };
      }
    }
  }

  #receive(what: string): NetlinkMessage[] {
    for (;;) {
      const length = libc().recv(this.#fd, this.#buffer, this.#buffer.length, MSG_TRUNC);
      if (length > this.#buffer.length) throw failure(what, "EMSGSIZE");
      if (length >= 0) return parseMessages(Buffer.from(this.#buffer.subarray(0, length)));
      const code = lastErrno();
      // A receive with a time limit is not taken up again by itself after a signal.
      if (code !== "EINTR") throw failure(what, code);
    }
  }
}
