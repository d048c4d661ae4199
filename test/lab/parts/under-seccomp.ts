/**
 * Runs a program under a seccomp profile of the OCI form, as a container runtime would: under-seccomp.js PROFILE COMMAND...
 * libseccomp, which Debian's package manager comes with, turns it into the kernel's filter.
 */
import { readFileSync } from "node:fs";
import koffi from "koffi";
import { processCalls } from "../../../src/security/process/libc.js";

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls: readonly Rule[];
}

const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const UNKNOWN_SYSCALL = -1;
/** `enum scmp_compare` */
const COMPARE: Readonly<Record<string, number>> = { SCMP_CMP_EQ: 4, SCMP_CMP_MASKED_EQ: 7 };
const PR_SET_NO_NEW_PRIVS = 38;

const library = koffi.load("libseccomp.so.2");
const init = library.func("void *seccomp_init(uint32_t action)");
const resolve = library.func("int seccomp_syscall_resolve_name(const char *name)");
const addRule = library.func(
  "int seccomp_rule_add_array(void *filter, uint32_t action, int syscall, unsigned int count, void *arguments)",
);
const load = library.func("int seccomp_load(void *filter)");

function actionOf(action: string, errno: number): number {
  if (action === "SCMP_ACT_ALLOW") return ALLOW;
  if (action === "SCMP_ACT_ERRNO") return ERRNO | errno;
  throw new Error(`the action ${action} is none that this loader knows`);
}

/** `struct scmp_arg_cmp`: argument, comparison, two 64-bit operands. */
function comparisons(args: NonNullable<Rule["args"]>): Buffer {
  const bytes = Buffer.alloc(24 * args.length);
  for (const [at, { index, op, value, valueTwo = 0 }] of args.entries()) {
    const compare = COMPARE[op];
    if (compare === undefined) throw new Error(`the comparison ${op} is none that this loader knows`);
    bytes.writeUInt32LE(index, 24 * at);
    bytes.writeUInt32LE(compare, 24 * at + 4);
    bytes.writeBigUInt64LE(BigInt(value), 24 * at + 8);
    bytes.writeBigUInt64LE(BigInt(valueTwo), 24 * at + 16);
  }
  return bytes;
}

function must(what: string, result: number): void {
  if (result < 0) throw new Error(`${what}: ${result}`);
}

const [file = "", ...command] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
const filter = init(actionOf(profile.defaultAction, profile.defaultErrnoRet ?? EPERM)) as unknown;
for (const { names, action, errnoRet, args = [] } of profile.syscalls) {
  for (const name of names) {
    const number = resolve(name) as number;
    // As runtimes do: what libseccomp or this architecture does not know is left out.
    if (number === UNKNOWN_SYSCALL) continue;
    const added = addRule(
      filter,
      actionOf(action, errnoRet ?? EPERM),
      number,
      args.length,
      comparisons(args),
    ) as number;
    must(name, added);
  }
}
const { prctl, execve, fcntl } = processCalls();
must("prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
must("seccomp_load", load(filter) as number);
const [F_SETFD, program = ""] = [2, command[0]];
for (const fd of [0, 1, 2]) fcntl(fd, F_SETFD, 0);
const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`);
execve(program, [...command, null], [...environment, null]);
throw new Error(`${program} cannot be run`);
