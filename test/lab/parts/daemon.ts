/** A program that runs while the lab stands. Its words go to a file; it dies with the process that started it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { LabError } from "./errors.js";
import { until } from "./poll.js";

export interface DaemonOptions {
  /** Where what it writes to stdout and stderr goes, one file each. */
  readonly logPrefix: string;
  readonly env?: NodeJS.ProcessEnv;
}

export class Daemon {
  readonly #child: ChildProcess;
  readonly #logPrefix: string;

  constructor(
    readonly name: string,
    argv: readonly string[],
    options: DaemonOptions,
  ) {
    this.#logPrefix = options.logPrefix;
    const [stdout, stderr] = [openSync(`${options.logPrefix}.out`, "a"), openSync(`${options.logPrefix}.err`, "a")];
    // Should this process be killed without warning, the kernel ends the daemon too.
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", ...argv], {
      stdio: ["ignore", stdout, stderr],
      env: options.env ?? process.env,
    });
    closeSync(stdout);
    closeSync(stderr);
    this.#child.on("error", () => {});
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new LabError(`${this.name} could not be started`);
    return pid;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  stdout(): string {
    return readFileSync(`${this.#logPrefix}.out`, "utf8");
  }

  stderr(): string {
    return readFileSync(`${this.#logPrefix}.err`, "utf8");
  }

  /** Resolves when `ask` answers; throws LabError with the daemon's last words when it ends first or the deadline passes. */
  async ready<T>(
    what: string,
    ask: () => T | undefined | false | Promise<T | undefined | false>,
    deadlineMs = 30_000,
  ): Promise<T> {
    const said = (): string => `${this.stdout()}${this.stderr()}`.trimEnd().split("\n").slice(-20).join("\n");
    return until(
      () => {
        if (!this.running) throw new LabError(`${this.name} ended (${this.#ending()}) before ${what}:\n${said()}`);
        return ask();
      },
      { what: `${what} of ${this.name}`, deadlineMs, explain: () => `\n${said()}` },
    );
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** Sends `signal`, waits, and kills what has not ended within `deadlineMs`. Resolves to the exit code, -1 for a signal. */
  async stop(signal: NodeJS.Signals = "SIGTERM", deadlineMs = 10_000): Promise<number> {
    this.signal(signal);
    try {
      await until(() => !this.running, { what: `the end of ${this.name}`, deadlineMs });
    } catch (error) {
      this.kill();
      throw error;
    }
    return this.#child.exitCode ?? -1;
  }

  /** At once, without waiting. */
  kill(): void {
    this.signal("SIGKILL");
  }

  #ending(): string {
    return `${this.#child.signalCode ?? this.#child.exitCode ?? "could not be started"}`;
  }
}
