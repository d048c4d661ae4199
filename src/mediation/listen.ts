/** Where a mediation device listens: reading the addresses, opening the sockets. */
import { parseAddress } from "../net/addresses.js";
import { BatchSocket, SocketError } from "./batch-socket.js";
import type { MirroredDirection } from "./datagram.js";

export interface ListenAddress {
  /** IP literal of this host, either family; `0.0.0.0` or `::` for all. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
  /** What this port stands for, where the sender tells directions by port. */
  readonly direction: MirroredDirection;
}

export const DEFAULT_PORT = 30030;

export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Reads `ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT`, each with `/from` or `/to` behind it or not. Throws ListenError. */
export function parseListenAddress(text: string): ListenAddress {
  const parts = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^[\]/]*?))(?::(?<port>[^:/]*))?(?:\/(?<direction>.*))?$/.exec(
    text,
  );
  const expected = "expected an IP address of this host and a port, as in 198.51.100.9:30030 or [2001:db8::9]:30030/to";
  const { bracketed, plain, port: portText, direction: directionText } = parts?.groups ?? {};
  // An IPv6 address without brackets and port has colons of its own.
  const bare = text.split("/")[0] ?? "";
  const [address, port] = isIpv6(bare) ? [bare, DEFAULT_PORT] : [bracketed ?? plain ?? "", portOf(portText)];
  const fits = bracketed === undefined ? parseAddress(address) !== undefined : isIpv6(address);
  if (!fits) throw new ListenError(`cannot listen on "${text}": ${expected}`);
  if (port === undefined) throw new ListenError(`cannot listen on "${text}": the port must be 1 to 65535`);
  if (directionText !== undefined && directionText !== "from" && directionText !== "to") {
    throw new ListenError(`cannot listen on "${text}": the direction behind the slash must be "from" or "to"`);
  }
  return { address, port, direction: directionText ?? "unknown" };
}

function isIpv6(text: string): boolean {
  return parseAddress(text)?.family === 6;
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** As people write it: IPv6 in brackets. */
export function formatListenAddress({ address, port }: { readonly address: string; readonly port: number }): string {
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Opens the socket. Throws ListenError with the remedy. */
export function openSocket(listen: ListenAddress, receiveBufferBytes: number): BatchSocket {
  try {
    return new BatchSocket(listen.address, listen.port, receiveBufferBytes);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    throw new ListenError(`cannot listen on ${formatListenAddress(listen)}: ${REMEDIES[error.code] ?? error.message}`, {
      cause: error,
    });
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use; stop the program that has it or choose another port",
  EADDRNOTAVAIL: "no interface of this host has the address; add it (ip address add) or listen on 0.0.0.0 or [::]",
  EACCES: "ports below 1024 need root",
};
