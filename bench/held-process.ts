/** A process that puts something in place, says so, and holds it until it is closed or this process ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface HeldProcess {
  /** The first line that it writes. */
  readonly said: string;
  close(): void;
}

/**
 * Starts `program`, which is to write one line when all is in place, and to end when its standard input ends. The
 * process is started, in the namespace of the calling thread, before this returns.
 */
export async function hold(program: string, ...args: readonly string[]): Promise<HeldProcess> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const said = await firstLine(child, program);
  return { said, close: () => void child.kill("SIGKILL") };
}

async function firstLine(child: ChildProcess, program: string): Promise<string> {
  if (!child.stdout) throw new Error(`${program} has no output.`);
  const failed = new Promise<never>((_resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code} before it was ready.`)));
  });
  // Also where nobody waits for it any more.
  failed.catch(() => undefined);
  const lines = createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve) => {
    lines.once("line", resolve);
  });
  return Promise.race([line, failed]);
}
