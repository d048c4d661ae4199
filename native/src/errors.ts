/** What goes wrong, with the remedy where one is known. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** Errno that the kernel returns for operations that a map type lacks; it has no name in user space. */
const ENOTSUPP = 524;

const errnoNames = new Map<number, string>([
  [ENOTSUPP, "ENOTSUPP"],
  ...Object.entries(constants.errno).map(([name, value]): [number, string] => [value, name]),
]);

/** Name of a positive errno, e.g. `ENOENT`. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `E${errno}`;
}

const descriptions: Readonly<Record<string, string>> = {
  ENOTSUPP: "operation not supported",
};

function errnoDescription(errno: number): string {
  const name = errnoName(errno);
  return descriptions[name] ?? getSystemErrorMap().get(-errno)?.[1] ?? "unknown error";
}

const generalRemedies: Remedies = {
  EPERM:
    "the process needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (or root), and bpf(2) must not be blocked by seccomp or kernel lockdown",
  ENOMEM:
    "free memory, raise the memory limit of the cgroup, or lower max_entries (libbpf raises RLIMIT_MEMLOCK by itself where the kernel still accounts by it)",
  ENFILE: "the system is out of file descriptors: raise fs.file-max",
  EMFILE: "the process is out of file descriptors: raise its limit (ulimit -n)",
};

/** What to do about an error, by the name of its errno. */
export type Remedies = Readonly<Partial<Record<string, string>>>;

export interface BpfErrorOptions extends ErrorOptions {
  /** What to do about it here; comes before what is known of the errno in general. */
  readonly remedies?: Remedies | undefined;
  /** What libbpf said about it, already trimmed. */
  readonly detail?: string | undefined;
}

/** A call into libbpf or the kernel failed. */
export class BpfError extends Error {
  override readonly name: string = "BpfError";
  /** Name of the errno, e.g. `EPERM`. */
  readonly code: string;
  readonly remedy: string | undefined;

  constructor(
    /** What was tried, e.g. `update of map "sessions"`. */
    readonly operation: string,
    /** Positive errno. */
    readonly errno: number,
    options: BpfErrorOptions = {},
  ) {
    const code = errnoName(errno);
    const remedy = options.remedies?.[code] ?? generalRemedies[code];
    const parts = [`${operation}: ${errnoDescription(errno)} (${code})`, options.detail, remedy];
    super(parts.filter((part) => part !== undefined && part !== "").join("; "), options);
    this.code = code;
    this.remedy = remedy === "" ? undefined : remedy;
  }
}

/** A batch stopped half-way; the first `processed` entries took effect. */
export class BpfBatchError extends BpfError {
  override readonly name = "BpfBatchError";
  constructor(
    operation: string,
    errno: number,
    readonly processed: number,
    options: BpfErrorOptions = {},
  ) {
    super(operation, errno, options);
  }
}

/** The kernel's verifier refused a program. The message sums up the log's end; `log` has all of it. */
export class VerifierError extends BpfError {
  override readonly name = "VerifierError";
  constructor(
    readonly program: string,
    errno: number,
    readonly log: string,
  ) {
    super(`program "${program}" was refused by the verifier`, errno, {
      detail: summarizeVerifierLog(log),
      // From the verifier EPERM is about the program, not about the privileges of the process.
      remedies: { EPERM: "" },
    });
  }
}

const STATISTICS = /^(processed \d+ insns|verification time|stack depth|mark_precise)/;
const SUMMARY_LINES = 2;

/** The last lines of a verifier log that say something; statistics are left out. */
export function summarizeVerifierLog(log: string): string {
  const lines = log
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !STATISTICS.test(line));
  return lines.slice(-SUMMARY_LINES).join(" | ");
}

/** libbpf or koffi is not there. */
export class LibbpfMissingError extends Error {
  override readonly name = "LibbpfMissingError";
}

/** A buffer or argument that must not reach native code, or an object that is closed. The kernel was not asked. */
export class BpfUsageError extends TypeError {
  override readonly name = "BpfUsageError";
}
