/** Running a command to its end. */
import { spawn, spawnSync } from "node:child_process";
import { LabError } from "./errors.js";

export interface RunOptions {
  readonly input?: string;
  /** Milliseconds after which the command is killed. */
  readonly timeout?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Exit codes that are no error. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `argv`; throws LabError with what it said when it ends otherwise than accepted (0). */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
    env: options.env ?? process.env,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => stdout.push(data));
  child.stderr.on("data", (data: Buffer) => stderr.push(data));
  // A command that does not read its input is no reason to fail.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
  }).catch((error: unknown) => {
    throw new LabError(`cannot run ${command}: ${(error as Error).message}`, { cause: error });
  });
  const result = { code: code ?? -1, stdout: text(stdout), stderr: text(stderr) };
  if (!(options.accept ?? [0]).includes(result.code)) {
    throw new LabError(`${argv.join(" ")} ended with ${signal ?? code}: ${result.stderr || result.stdout}`.trimEnd());
  }
  return result;
}

/** The same, blocking: for clean-up when the process is about to end. Never throws. */
export function runSync(argv: readonly string[]): string {
  const [command = "", ...args] = argv;
  return spawnSync(command, args, { encoding: "utf8", timeout: 20_000 }).stdout ?? "";
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString("utf8");
