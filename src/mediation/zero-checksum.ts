/**
 * Linux drops IPv6 datagrams without a UDP checksum unless a socket says that it takes them (RFC 6935: the tunnel's end
 * decides). Node has no way to say so, so the socket is made here.
 */
import { parseAddress } from "../net/addresses.js";
import { lastErrno, libc } from "../net/libc.js";

const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_UDP = 17;
/** linux/udp.h */
const UDP_NO_CHECK6_RX = 102;
/** `struct sockaddr_in6`: family, port and flow label, address, scope. */
const ADDRESS_BYTES = 28;
const ADDRESS_AT = 8;

/** A bound descriptor for a `udp6` socket. `address` is IPv6. Throws an Error with the errno's name as `code`. */
export function bindIpv6TakingZeroChecksums(address: string, port: number): number {
  const fd = libc().socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw failure();
  const name = socketAddress(address, port);
  const ready =
    switchOn(fd, IPPROTO_IPV6, IPV6_V6ONLY) &&
    switchOn(fd, SOL_UDP, UDP_NO_CHECK6_RX) &&
    libc().bind(fd, name, name.length) === 0;
  if (ready) return fd;
  const error = failure();
  libc().close(fd);
  throw error;
}

function switchOn(fd: number, level: number, option: number): boolean {
  const on = Buffer.alloc(4);
  on.writeInt32LE(1);
  return libc().setsockopt(fd, level, option, on, on.length) === 0;
}

function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  parseAddress(address)?.bytes.copy(bytes, ADDRESS_AT);
  return bytes;
}

function failure(): NodeJS.ErrnoException {
  const code = lastErrno();
  return Object.assign(new Error(code), { code });
}
