/** Programs of this repository for other users of the machine: a clone may lie in a home that is closed to them. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Mounts the repository in a mount namespace of its own, and becomes the command. */
const SCRIPT = 'mount --bind "$0" "$1" && shift && exec "$@"';

export interface Reachable {
  /** Words to put before a command: it, and what it starts, find the repository in `directory`. */
  readonly prefix: readonly string[];
  /** Where a module of the repository is then. */
  readonly moduleAt: (url: URL) => string;
}

/** `directory`: an empty one, which everybody can enter. */
export function reachableAt(directory: string): Reachable {
  return {
    prefix: ["unshare", "--mount", "sh", "-c", SCRIPT, ROOT, directory],
    moduleAt: (url) => `file://${directory}/${fileURLToPath(url).slice(ROOT.length).replace(/^\//, "")}`,
  };
}
