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
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const REOPEN_MS = 100;

export interface NetlinkListener {
  message(message: NetlinkMessage): void;
  /** Events were lost: only asking the kernel for everything tells what is. Those from now on are received. */
  overrun(): void;
}

interface EventSocket {
  readonly socket: Socket;
  /** Node's, and open until `socket` is destroyed. */
  readonly fd: number;
}

/** A socket of Node's whose reads give what `fd` receives. `fd` is taken over. */
function readableSocket(fd: number): EventSocket {
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
  if (replaced === own) return { socket, fd: own };
  socket.destroy();
  throw new NetlinkError(`No socket for the kernel's events can be had (${code}).`, code);
}

export class NetlinkEvents implements Disposable {
  #open: EventSocket;
  #reopening: NodeJS.Timeout | undefined;

  /** Listens from now on. The process may end while it listens. Throws NetlinkError. */
  constructor(
    private readonly protocol: number,
    private readonly groups: readonly number[],
    private readonly listener: NetlinkListener,
    private readonly queueBytes: number = EVENT_QUEUE_BYTES,
  ) {
    this.#open = this.#listen();
  }

  /** Whether the kernel may have told of something that the listener has not heard yet. */
  get isBehind(): boolean {
    const { socket, fd } = this.#open;
    if (socket.destroyed) return true;
    const received = libc().recv(fd, Buffer.alloc(1), 1, MSG_PEEK | MSG_DONTWAIT);
    return received >= 0 || lastErrno() !== "EAGAIN";
  }

  close(): void {
    clearTimeout(this.#reopening);
    this.#open.socket.removeAllListeners("close");
    this.#open.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #listen(): EventSocket {
    const open = readableSocket(openNetlink(this.protocol, { groups: this.groups, queueBytes: this.queueBytes }));
    const { socket } = open;
    // Which error it was does not matter: ENOBUFS is the usual one, and all end in looking at everything again.
    socket.on("error", () => {});
    socket.on("close", () => this.#reopen());
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.unref();
    socket.resume();
    return open;
  }

  #take(bytes: Buffer): void {
    let messages: NetlinkMessage[];
    try {
      messages = parseMessages(bytes);
    } catch {
      // A datagram that was cut off: its rest cannot be had.
      this.#open.socket.destroy();
      return;
    }
    for (const message of messages) this.listener.message(message);
  }

  #reopen(): void {
    try {
      this.#open = this.#listen();
    } catch {
      this.#reopening = setTimeout(() => this.#reopen(), REOPEN_MS).unref();
      return;
    }
    this.listener.overrun();
  }
}
