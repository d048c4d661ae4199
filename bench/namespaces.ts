/**
 * Network namespaces without a name, held by a descriptor of this process alone: the kernel takes them and all that
 * is in them away when the process ends, however it ends.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";

const CLONE_NEWNET = 0x40000000;
/** Namespace of the calling thread, which is Node's main thread here and everywhere below. */
const OWN = "/proc/thread-self/ns/net";

interface Libc {
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  sched_setaffinity(pid: number, size: number, mask: Buffer): number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (!loaded) {
    const library = koffi.load("libc.so.6");
    loaded = {
      setns: library.func("int setns(int fd, int type)"),
      unshare: library.func("int unshare(int flags)"),
      sched_setaffinity: library.func("int sched_setaffinity(int pid, size_t size, void *mask)"),
    } as unknown as Libc;
  }
  return loaded;
}

function enter(fd: number): void {
  if (libc().setns(fd, CLONE_NEWNET) !== 0) throw new Error("A network namespace cannot be entered: run as root.");
}

/** Only while `run` runs, which must be synchronous: other code of this thread must not find itself elsewhere. */
function elsewhere<T>(enterIt: () => void, run: () => T): T {
  const home = openSync(OWN, "r");
  try {
    enterIt();
    return run();
  } finally {
    enter(home);
    closeSync(home);
  }
}

export class Namespace implements Disposable {
  readonly #fd: number;

  constructor() {
    this.#fd = elsewhere(
      () => {
        if (libc().unshare(CLONE_NEWNET) !== 0) throw new Error("A network namespace cannot be made: run as root.");
      },
      () => openSync(OWN, "r"),
    );
  }

  /** A path by which iproute2, in this or another process, finds the namespace. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** Runs synchronous code, and the processes that it starts, in the namespace. */
  run<T>(code: () => T): T {
    return elsewhere(() => enter(this.#fd), code);
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Keeps the calling thread on one core. */
export function pinToCpu(cpu: number): void {
  const mask = Buffer.alloc(128);
  mask[cpu >> 3] = 1 << (cpu & 7);
  if (libc().sched_setaffinity(0, mask.length, mask) !== 0) throw new Error(`There is no CPU ${cpu} to run on.`);
}

/** Runs a command of the system, e.g. `command("tc", "qdisc", ...)`. Throws what it said where it fails. */
export function command(program: string, ...args: readonly string[]): string {
  return commandWithInput(program, args, "");
}

export function commandWithInput(program: string, args: readonly string[], input: string): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new Error(`The command ${program} was not found: install the Debian package that has it.`, {
        cause: error,
      });
    const said = ((error as { stderr?: string }).stderr ?? "").trim();
    throw new Error(`${program} ${args.join(" ")} failed: ${said}`, { cause: error });
  }
}
