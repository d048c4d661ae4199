/** Runs a few lines of JavaScript in a process of its own; `lib` is the package. */
import { spawnSync } from "node:child_process";
import { PACKAGE } from "./objects.js";

export interface ChildOptions {
  /** Without any capability but that of reading files: the package may lie in a folder that is closed to others. */
  readonly withoutPrivileges?: boolean;
  /** Words to put before `node`, e.g. `unshare`. */
  readonly prefix?: readonly string[];
  /** Further words for `node`. */
  readonly nodeArgs?: readonly string[];
}

export interface ChildResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const UNPRIVILEGED = ["setpriv", "--bounding-set=-all,+dac_read_search", "--inh-caps=-all"];

export function runChild(script: string, options: ChildOptions = {}): ChildResult {
  const source = `import * as lib from ${JSON.stringify(`${PACKAGE}dist/src/index.js`)};\n${script}`;
  const words = [
    ...(options.prefix ?? []),
    ...(options.withoutPrivileges === true ? UNPRIVILEGED : []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    "--input-type=module",
    "-e",
    source,
  ];
  const [command = "", ...args] = words;
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd: "/" });
  return { status, stdout, stderr };
}
