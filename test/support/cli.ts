/** The program as a user runs it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export const PROGRAM = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export function runProgram(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, out: stdout, err: stderr };
}

export const PROGRAM_COMMAND: readonly string[] = [process.execPath, PROGRAM];

/** The same, while this process goes on: it may be the one that answers. */
export async function runProgramBeside(...args: readonly string[]): Promise<Ran> {
  return await runBeside([...PROGRAM_COMMAND, ...args]);
}

export async function runBeside([command = "", ...args]: readonly string[]): Promise<Ran> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit", { signal: AbortSignal.timeout(60_000) }) as Promise<[number | null]>,
  ]);
  return { status, out, err };
}
