/** The few functions of libc that are needed. */
import type { Memory, Pointer } from "./memory.js";

export interface Libc {
  syscall(number: number, command: number, attributes: Memory, size: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  memcpy(destination: Memory, source: Memory, length: number): Pointer | null;
  vsnprintf(buffer: Memory | null, size: number, format: Memory, list: Memory): number;
}

// Variadic functions are declared with fixed arguments: on the Linux ABIs that we run on both are passed alike.
export const libcPrototypes: Readonly<Record<keyof Libc, string>> = {
  syscall: "long syscall(long number, long command, void *attributes, long size)",
  fcntl: "int fcntl(int fd, int command, long argument)",
  memcpy: "void *memcpy(void *destination, void *source, size_t length)",
  vsnprintf: "int vsnprintf(void *buffer, size_t size, void *format, void *list)",
};
