/** UDP sockets, and nothing of RADIUS. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";

/** What the kernel may queue while we work; it gives less where net.core.rmem_max is lower. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface BoundUdp {
  readonly port: number;
  send(bytes: Buffer, port: number, address: string): void;
  close(): Promise<void>;
}

function open(address: string): Socket {
  const type = isIPv6(address) ? "udp6" : "udp4";
  return createSocket({
    type,
    ipv6Only: type === "udp6",
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Addresses are literals always: no resolver on the way of a packet.
    lookup: (host, _options, done) => done(null, host, type === "udp6" ? 6 : 4),
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** Listens on `address`; rejects where that is not possible. Errors of single sends are dropped: the sender asks again. */
export function bindUdp(
  address: string,
  port: number,
  receive: (bytes: Buffer, from: RemoteInfo) => void,
): Promise<BoundUdp> {
  const socket = open(address);
  socket.on("message", receive);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      resolve({
        port: socket.address().port,
        send: (bytes, toPort, to) => socket.send(bytes, toPort, to, () => undefined),
        close: () => closed(socket),
      });
    });
  });
}

export interface ConnectedUdp {
  send(bytes: Buffer): void;
  close(): Promise<void>;
}

/**
 * A socket that talks to one peer alone, and hears from no other. `unreachable` is called when the kernel is told
 * that nobody listens there.
 */
export function connectUdp(
  address: string,
  port: number,
  receive: (bytes: Buffer) => void,
  unreachable: () => void,
): ConnectedUdp {
  const socket = open(address);
  let connected = false;
  let early: Buffer[] = [];
  const sent = (error: Error | null) => {
    if (error !== null) unreachable();
  };
  socket.on("message", receive);
  socket.on("error", unreachable);
  socket.connect(port, address, () => {
    connected = true;
    for (const bytes of early) socket.send(bytes, sent);
    early = [];
  });
  return {
    send: (bytes) => {
      if (connected) socket.send(bytes, sent);
      else early.push(bytes);
    },
    close: () => closed(socket),
  };
}
