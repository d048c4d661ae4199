/**
 * The program runs with the capabilities that it needs and no others, in all its threads, and can gain none. Capabilities
 * are each thread's own and Node has several threads before any of our code runs, so that the only way is to take them from
 * what a program may get, and to start this one anew in its own place.
 */
import { readFileSync } from "node:fs";
import { must, processCalls } from "./libc.js";

/** Numbers of linux/capability.h. */
export const CAPABILITIES = {
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITIES;

const HIGHEST = 63;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** Root is nobody special to exec: NOROOT and its lock, NO_SETUID_FIXUP and its lock (capabilities(7)). */
const SECUREBITS = 0b1111;
/** _LINUX_CAPABILITY_VERSION_3 */
const VERSION = 0x20080522;

export interface HeldCapabilities {
  readonly effective: bigint;
  readonly bounding: bigint;
}

export type Dropped =
  /** There was nothing to drop. */
  | "minimal"
  /** This process may not drop what it has; it goes on with it. */
  | "not-allowed";

export function heldCapabilities(pid: number | "self" = "self"): HeldCapabilities {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);
  return { effective: field("CapEff"), bounding: field("CapBnd") };
}

/**
 * Keeps those of `keep` that the process has. Returns where nothing changes; else it does not return: the same program begins
 * anew with the same arguments, environment and process id, and comes here again with nothing left to drop.
 */
export function keepOnly(keep: readonly Capability[], beginAnew: () => never): Dropped {
  const wanted = maskOf(keep);
  const { effective, bounding } = heldCapabilities();
  if ((effective & ~wanted) === 0n && (bounding & ~wanted) === 0n) return "minimal";
  if ((effective & maskOf(["CAP_SETPCAP"])) === 0n) return (effective & ~wanted) === 0n ? "minimal" : "not-allowed";
  limit(wanted, effective & wanted);
  return beginAnew();
}

/** Programs that this one starts get none of its capabilities, and none by a file's. */
export function keepFromChildren(): void {
  const { prctl } = processCalls();
  must("prctl(PR_CAP_AMBIENT)", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  must("prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

export function maskOf(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES[name])), 0n);
}

function limit(wanted: bigint, kept: bigint): void {
  const { prctl, capset } = processCalls();
  // Those beyond what the kernel knows are refused, which is as good.
  for (let bit = 0; bit <= HIGHEST; bit++) if (!has(wanted, bit)) prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
  must("prctl(PR_SET_SECUREBITS)", prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0));
  const header = Buffer.alloc(8);
  header.writeUInt32LE(VERSION, 0);
  must("capset", capset(header, sets(kept)));
  for (let bit = 0; bit <= HIGHEST; bit++) {
    if (has(kept, bit)) must("prctl(PR_CAP_AMBIENT)", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0));
  }
  must("prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/** Effective, permitted and inheritable alike; the low 32 bits of each, then the high ones. */
function sets(mask: bigint): Buffer {
  const data = Buffer.alloc(24);
  const [low, high] = [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
  for (const [index, word] of [low, low, low, high, high, high].entries()) data.writeUInt32LE(word, 4 * index);
  return data;
}

function has(mask: bigint, bit: number): boolean {
  return ((mask >> BigInt(bit)) & 1n) === 1n;
}
