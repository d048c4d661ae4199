/** What of libc changes the process itself. Called at the start of the program, from its one thread. */
import koffi from "koffi";
import { lastErrno } from "../../net/libc.js";

export interface ProcessCalls {
  readonly prctl: (option: number, a: number, b: number, c: number, d: number) => number;
  readonly capset: (header: Buffer, data: Buffer) => number;
  readonly setrlimit: (resource: number, limit: Buffer) => number;
  readonly fcntl: (fd: number, command: number, argument: number) => number;
  readonly execve: (path: string, argv: readonly (string | null)[], environment: readonly (string | null)[]) => number;
}

// Variadic functions are declared with fixed arguments: x86-64 and arm64 pass both alike.
const PROTOTYPES: Readonly<Record<keyof ProcessCalls, string>> = {
  prctl: "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
  capset: "int capset(void *header, void *data)",
  setrlimit: "int setrlimit(int resource, void *limit)",
  fcntl: "int fcntl(int fd, int command, int argument)",
  execve: "int execve(const char *path, const char **argv, const char **environment)",
};

let loaded: ProcessCalls | undefined;

export function processCalls(): ProcessCalls {
  if (loaded === undefined) {
    const library = koffi.load("libc.so.6");
    loaded = Object.fromEntries(
      Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]),
    ) as unknown as ProcessCalls;
  }
  return loaded;
}

/** Throws where a call fails that must not. */
export function must(what: string, result: number): void {
  if (result < 0) throw new Error(`${what} failed (${lastErrno()})`);
}
