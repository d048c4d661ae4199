/**
 * What the kernel tells of its own accord. Node watches no netlink socket by itself, so the descriptor of a socket
 * that it does take is made to refer to one, before Node has looked at it; from then on the event loop wakes as for any
 * other socket and nothing polls.
 */
import { Socket } from "node:net";
import { lastErrno, libc } from "../libc.js";
import { NetlinkError } from "./errors.js";
import { type NetlinkMessage, parseMessages } from "./message.js";
import { EVENT_QUEUE_BYTES, openNetlink } from "./socket.js";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const O_CLOEXEC = 0o2000000;
const REOPEN_MS = 100;

export interface NetlinkListener {
  message(message: NetlinkMessage): void;
  /** Events were lost: only asking the kernel for everything tells what is. Those from now on are received. */
  overrun(): void;
}

/** A socket of Node's whose reads give what `fd` receives. `fd` is taken over. */
function readableSocket(fd: number): Socket {
  const calls = libc();
  const pair = Buffer.alloc(8);
  if (calls.socketpair(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, pair) !== 0) {
    const code = lastErrno();
    calls.close(fd);
    throw new NetlinkError(`No socket for the kernel's events can be had (${code}).`, code);
  }
  const [own, peer] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  // Paused, Node has not told epoll of the descriptor yet, and epoll will find the netlink socket behind it.
  const socket = new Socket({ fd: own, readable: true, writable: false, pauseOnCreate: true } as object);
  const replaced = calls.dup3(fd, own, O_CLOEXEC);
  const code = lastErrno();
  calls.close(fd);
  calls.close(peer);
  if (replaced === own) return socket;
  socket.destroy();
  throw new NetlinkError(`No socket for the kernel's events can be had (${code}).`, code);
}

export class NetlinkEvents implements Disposable {
  #socket: Socket;
  #reopening: NodeJS.Timeout | undefined;

  /** Listens from now on. The process may end while it listens. Throws NetlinkError. */
  constructor(
    private readonly protocol: number,
    private readonly groups: readonly number[],
    private readonly listener: NetlinkListener,
    private readonly queueBytes: number = EVENT_QUEUE_BYTES,
  ) {
    this.#socket = this.#open();
  }

  close(): void {
    clearTimeout(this.#reopening);
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): Socket {
    const socket = readableSocket(openNetlink(this.protocol, { groups: this.groups, queueBytes: this.queueBytes }));
    // Which error it was does not matter: ENOBUFS is the usual one, and all end in looking at everything again.
    socket.on("error", () => {});
    socket.on("close", () => this.#reopen());
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.unref();
    socket.resume();
    return socket;
  }

  #take(bytes: Buffer): void {
    let messages: NetlinkMessage[];
    try {
      messages = parseMessages(bytes);
    } catch {
      // A datagram that was cut off: its rest cannot be had.
      this.#socket.destroy();
      return;
    }
    for (const message of messages) this.listener.message(message);
  }

  #reopen(): void {
    try {
      this.#socket = this.#open();
    } catch {
      this.#reopening = setTimeout(() => this.#reopen(), REOPEN_MS).unref();
      return;
    }
    this.listener.overrun();
  }
}
