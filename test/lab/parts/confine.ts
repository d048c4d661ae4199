/** Runs a program as a container runtime would: few capabilities, everything mounted read-only, under a seccomp profile. */
import { fileURLToPath } from "node:url";

export interface Confinement {
  /** As setpriv(1) names them, e.g. `net_admin`; everything else is taken away before the program begins. */
  readonly capabilities: readonly string[];
  /** Directories that stay writable, with what is mounted below them. */
  readonly writable: readonly string[];
}

const UNDER_SECCOMP = fileURLToPath(new URL("under-seccomp.js", import.meta.url));
/** From dist/test/lab/parts. */
export const SECCOMP_PROFILE = fileURLToPath(new URL("../../../../deploy/seccomp/submirror.json", import.meta.url));

/** Writable directories come first, `--` ends them. What is mounted on /proc/sys is read-only as in a container. */
const MOUNTS = `
set -e
while [ "$1" != -- ]; do mount --rbind "$1" "$1"; shift; done
shift
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -o remount,bind,ro /
exec "$@"`;

export function confined({ capabilities, writable }: Confinement, argv: readonly string[]): string[] {
  const bounding = ["-all", ...capabilities.map((name) => `+${name}`)].join(",");
  const mounts = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh", ...writable, "--"];
  const limits = ["setpriv", "--bounding-set", bounding, "--inh-caps=-all", "--no-new-privs"];
  return [...mounts, ...limits, process.execPath, UNDER_SECCOMP, SECCOMP_PROFILE, ...argv];
}
