/** UDP sockets, and nothing of RADIUS. Node says when something is there; what is there comes and goes by the batch. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { type Sender, Senders } from "./senders.js";
import { BatchReceiver, BatchSender, openUdp } from "./udp-batch.js";

/** Batches that are taken in before others have their turn. */
const MAX_BATCHES = 8;

export interface BoundUdp {
  readonly port: number;
  send(bytes: Buffer, to: Sender): void;
  close(): Promise<void>;
}

/**
 * Lets Node watch `fd`, which is its from now on. Each time that something is there, Node reads the first datagram
 * and `rest` is called for the others.
 */
function watch(
  fd: number,
  address: string,
  take: (bytes: Buffer, from: RemoteInfo) => void,
  rest: () => void,
): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.on("message", (bytes, from) => {
    take(bytes, from);
    rest();
  });
  // Errors of single datagrams come out of the batch calls.
  socket.on("error", () => undefined);
  return new Promise((resolve) => socket.bind({ fd, exclusive: true }, () => resolve(socket)));
}

function closed(socket: Socket, sender: BatchSender): Promise<void> {
  sender.close();
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** Listens on `address`; rejects with UdpError where that is not possible. */
export async function bindUdp(
  address: string,
  port: number,
  take: (bytes: Buffer, sender: Sender) => void,
): Promise<BoundUdp> {
  const fd = openUdp("bind", address, port);
  const senders = new Senders(isIPv6(address) ? 6 : 4);
  const receiver = new BatchReceiver(fd, (names, at) => senders.at(names, at));
  const sender = new BatchSender(fd, false, () => undefined);
  const takeFrom = (bytes: Buffer, from: Sender | undefined) => {
    if (from !== undefined) take(bytes, from);
  };
  const socket = await watch(
    fd,
    address,
    (bytes, from) => take(bytes, senders.of(from.address, from.port)),
    () => receiveAll(receiver, takeFrom),
  );
  return {
    port: socket.address().port,
    send: (bytes, to) => sender.send(bytes, to.name),
    close: () => closed(socket, sender),
  };
}

export interface ConnectedUdp {
  send(bytes: Buffer): void;
  close(): Promise<void>;
}

/**
 * A socket that talks to one peer alone, and hears from no other. `unreachable` is called when the kernel is told
 * that nobody listens there. Throws UdpError.
 */
export function connectUdp(
  address: string,
  port: number,
  receive: (bytes: Buffer) => void,
  unreachable: () => void,
): ConnectedUdp {
  const fd = openUdp("connect", address, port);
  const receiver = new BatchReceiver(fd);
  const sender = new BatchSender(fd, true, unreachable);
  const socket = watch(fd, address, receive, () => {
    if (receiveAll(receiver, receive) !== undefined) unreachable();
  });
  // An ICMP error wakes Node with nothing to read.
  void socket.then((watched) => watched.on("error", unreachable));
  return {
    send: (bytes) => sender.send(bytes),
    close: async () => closed(await socket, sender),
  };
}

/** The errno's name where the kernel reports an error. */
function receiveAll<S>(
  receiver: BatchReceiver<S>,
  take: (bytes: Buffer, sender: S | undefined) => void,
): string | undefined {
  for (let batches = 0; batches < MAX_BATCHES; batches++) {
    const count = receiver.receive(take);
    if (typeof count === "string") return count;
    if (count === 0) return undefined;
  }
  return undefined;
}
