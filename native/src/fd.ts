/** Owners of descriptors and other native things, and a register of those that are open, to find leaks. */
import { closeSync } from "node:fs";
import { BpfError, BpfUsageError, type Remedies } from "./errors.js";
import { native } from "./ffi/native.js";

const F_DUPFD_CLOEXEC = 1030;
const FIRST_FREE = 3;

export interface OpenResource {
  /** E.g. `map "sessions"`. */
  readonly what: string;
  /** Where it was made. */
  readonly stack: string;
}

let open: Map<object, OpenResource> | undefined = process.env["LIBBPF_TS_TRACK_FDS"] === "1" ? new Map() : undefined;

/** Starts to record where each resource is made. Also on with LIBBPF_TS_TRACK_FDS=1. Costs a stack trace each. */
export function trackResources(): void {
  open ??= new Map();
}

/** What was made since tracking began and is not closed. Empty where tracking is off. */
export function openResources(): OpenResource[] {
  return [...(open?.values() ?? [])];
}

/** Notes that `owner` must be closed. */
export function noteOpen(owner: object, what: string): void {
  open?.set(owner, { what, stack: new Error(what).stack ?? "" });
}

export function noteClosed(owner: object): void {
  open?.delete(owner);
}

/** Owns one file descriptor. */
export class FileDescriptor implements Disposable {
  #fd: number;

  constructor(
    fd: number,
    /** For error texts. */
    readonly what: string,
  ) {
    this.#fd = fd;
    noteOpen(this, what);
  }

  /** A second, independent descriptor of what `fd` refers to. */
  static duplicate(fd: number, what: string): FileDescriptor {
    const { libc, koffi } = native();
    const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
    if (copy < 0) throw new BpfError(`duplicate the descriptor of ${what}`, koffi.errno());
    return new FileDescriptor(copy, what);
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  get value(): number {
    if (this.#fd < 0) throw new BpfUsageError(`${this.what} is closed`);
    return this.#fd;
  }

  /** Does nothing the second time. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    noteClosed(this);
    closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Wraps the result of a call that returns a descriptor or a negative errno. */
export function ownedFd(result: number, what: string, operation: string, remedies?: Remedies): FileDescriptor {
  if (result < 0) throw new BpfError(operation, -result, { remedies });
  return new FileDescriptor(result, what);
}
