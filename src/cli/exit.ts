/** Exit codes, and how errors become them. */
import { StartError } from "../agent/errors.js";
import { ConfigError } from "../config/problem.js";
import { KeyError } from "../security/errors.js";
import { LocalClientError } from "../security/process/local-client.js";
import { TaskingError } from "../tasking/errors.js";

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** Wrong usage or configuration found by a command itself. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Prints what went wrong and returns the exit code. Faults of ours keep their stack. */
export function reportError(
  error: unknown,
  print: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): number {
  if (error instanceof StartError) {
    for (const problem of error.problems) print(`submirror: ${problem}`);
    return EXIT.usage;
  }
  if (error instanceof KeyError || error instanceof TaskingError) {
    print(`submirror: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof LocalClientError) {
    print(`submirror: ${error.message}`);
    return EXIT.failed;
  }
  if (error instanceof ConfigError || error instanceof UsageError) {
    print(error.message);
    return EXIT.usage;
  }
  print(`submirror: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.failed;
}
