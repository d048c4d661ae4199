/** The functions of libc behind sockets, devices and locks that Node does not offer. One thread only (koffi keeps one errno). */
import { getSystemErrorMap } from "node:util";
import koffi from "koffi";

export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  socketpair(family: number, type: number, protocol: number, pair: Buffer): number;
  bind(fd: number, address: Buffer, length: number): number;
  connect(fd: number, address: Buffer, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  send(fd: number, bytes: Buffer, length: number, flags: number): number;
  recv(fd: number, bytes: Buffer, length: number, flags: number): number;
  recvmmsg(fd: number, messages: Buffer, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, messages: Buffer, count: number, flags: number): number;
  dup3(fd: number, onto: number, flags: number): number;
  flock(fd: number, operation: number): number;
  ioctl(fd: number, request: number, argument: Buffer): number;
  adjtimex(timex: Buffer): number;
  close(fd: number): number;
}

// Variadic functions are declared with fixed arguments: x86-64 and arm64 pass both alike.
const prototypes: Readonly<Record<keyof Libc, string>> = {
  socket: "int socket(int family, int type, int protocol)",
  socketpair: "int socketpair(int family, int type, int protocol, void *pair)",
  bind: "int bind(int fd, void *address, uint32_t length)",
  connect: "int connect(int fd, void *address, uint32_t length)",
  setsockopt: "int setsockopt(int fd, int level, int option, void *value, uint32_t length)",
  getsockopt: "int getsockopt(int fd, int level, int option, void *value, void *length)",
  send: "long send(int fd, void *bytes, size_t length, int flags)",
  recv: "long recv(int fd, void *bytes, size_t length, int flags)",
  recvmmsg: "int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)",
  sendmmsg: "int sendmmsg(int fd, void *messages, unsigned int count, int flags)",
  dup3: "int dup3(int fd, int onto, int flags)",
  flock: "int flock(int fd, int operation)",
  ioctl: "int ioctl(int fd, unsigned long request, void *argument)",
  adjtimex: "int adjtimex(void *timex)",
  close: "int close(int fd)",
};

let loaded: Libc | undefined;

export function libc(): Libc {
  if (!loaded) {
    const library = koffi.load("libc.so.6");
    const functions = Object.entries(prototypes).map(([name, prototype]) => [name, library.func(prototype)]);
    loaded = Object.fromEntries(functions) as Libc;
  }
  return loaded;
}

/** Name of a positive errno, e.g. `ENODEV`. */
export function errnoCode(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`;
}

/** Name of the errno that the last call left. */
export function lastErrno(): string {
  return errnoCode(koffi.errno());
}
