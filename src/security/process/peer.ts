/** Who is at the other end of a local socket, as the kernel tells it (SO_PEERCRED, unix(7)). */
import type { Socket } from "node:net";
import { libc } from "../../net/libc.js";

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** Undefined where the kernel does not tell: then it is nobody. */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = fdOf(socket);
  if (fd === undefined) return undefined;
  const credentials = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(credentials.length);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return undefined;
  if (length.readUInt32LE() !== credentials.length) return undefined;
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4), gid: credentials.readUInt32LE(8) };
}

/** Node keeps the descriptor of a connection to itself. */
function fdOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  const fd = handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
