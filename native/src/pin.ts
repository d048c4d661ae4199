/** Names of kernel objects in a BPF file system. */
import { readlinkSync, statfsSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { requireText } from "./bytes.js";
import { BpfError, BpfUsageError } from "./errors.js";
import { FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";

const BPF_FS_MAGIC = 0xcafe4a11;
const ENOENT = 2;

/** Whether `path` lies in a mounted BPF file system. False where it does not exist. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

const MOUNT = "mount one (mount -t bpf bpf /sys/fs/bpf; in a container mount the host's /sys/fs/bpf)";

function pinRemedy(path: string): string | undefined {
  const directory = dirname(path);
  if (!isBpffs(directory)) return `${directory} is not in a BPF file system or does not exist: ${MOUNT}`;
  return undefined;
}

export function pinFd(fd: number, path: string, what: string): void {
  requireText(path, "pin path");
  const result = native().libbpf.bpf_obj_pin(fd, path);
  if (result < 0) throw new BpfError(`pin ${what} at ${path}`, -result, { remedy: pinRemedy(path) });
}

/** Removes the name `path`. False where it was not there. */
export function unpinPath(path: string): boolean {
  if (!isBpffs(dirname(path))) throw new BpfUsageError(`${path} is not in a BPF file system`);
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

export type ObjectKind = "map" | "program" | "link";

const KIND_NAMES: Readonly<Record<string, ObjectKind>> = {
  "anon_inode:bpf-map": "map",
  "anon_inode:bpf-prog": "program",
  "anon_inode:bpf_link": "link",
};

/** Opens what is pinned at `path`, which must be of the kind given. */
export function openPin(path: string, kind: ObjectKind): FileDescriptor {
  requireText(path, "pin path");
  const result = native().libbpf.bpf_obj_get(path);
  const remedy = result === -ENOENT ? `nothing is pinned there${missingFs(path)}` : undefined;
  const fd = ownedFd(result, `${kind} pinned at ${path}`, `open the ${kind} pinned at ${path}`, remedy);
  const found = KIND_NAMES[readlinkSync(`/proc/self/fd/${fd.value}`).replace(/[[\]]/g, "")];
  if (found === kind) return fd;
  fd.close();
  throw new BpfUsageError(`${path} is a pinned ${found ?? "object of another kind"}, not a ${kind}`);
}

function missingFs(path: string): string {
  return isBpffs(dirname(path)) ? "" : `, and ${dirname(path)} is not in a BPF file system: ${MOUNT}`;
}
