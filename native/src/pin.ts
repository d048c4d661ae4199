/** Names of kernel objects in a BPF file system. */
import { readFileSync, statfsSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { requireText } from "./bytes.js";
import { BpfError, BpfUsageError, type Remedies } from "./errors.js";
import { type FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";

const BPF_FS_MAGIC = 0xcafe4a11;

/** Whether `path` lies in a mounted BPF file system. False where it does not exist. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

const MOUNT = "mount one (mount -t bpf bpf /sys/fs/bpf; in a container mount the host's /sys/fs/bpf)";

/** Where the folder is no BPF file system every error is about that. */
function pinRemedies(path: string): Remedies {
  const directory = dirname(path);
  if (isBpffs(directory)) return { EEXIST: "something is pinned there: open or unpin it first" };
  const remedy = `${directory} does not exist or is not in a BPF file system: ${MOUNT}`;
  return { ENOENT: remedy, EPERM: remedy, EINVAL: remedy };
}

export function pinFd(fd: number, path: string, what: string): void {
  requireText(path, "pin path");
  const result = native().libbpf.bpf_obj_pin(fd, path);
  if (result < 0) throw new BpfError(`pin ${what} at ${path}`, -result, { remedies: pinRemedies(path) });
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

/** What a line of the descriptor's fdinfo begins with. */
const KIND_MARKS: readonly (readonly [ObjectKind, RegExp])[] = [
  ["map", /^map_type:/m],
  ["program", /^prog_type:/m],
  ["link", /^link_type:/m],
];

/** Opens what is pinned at `path`, which must be of the kind given. */
export function openPin(path: string, kind: ObjectKind): FileDescriptor {
  requireText(path, "pin path");
  const result = native().libbpf.bpf_obj_get(path);
  const remedies = { ENOENT: `nothing is pinned there${missingFs(path)}` };
  const fd = ownedFd(result, `${kind} pinned at ${path}`, `open the ${kind} pinned at ${path}`, remedies);
  const fdinfo = readFileSync(`/proc/self/fdinfo/${fd.value}`, "utf8");
  const [found = "object of another kind"] = KIND_MARKS.find(([, mark]) => mark.test(fdinfo)) ?? [];
  if (found === kind) return fd;
  fd.close();
  throw new BpfUsageError(`${path} is a pinned ${found}, not a ${kind}`);
}

function missingFs(path: string): string {
  return isBpffs(dirname(path)) ? "" : `, and ${dirname(path)} is not in a BPF file system: ${MOUNT}`;
}
