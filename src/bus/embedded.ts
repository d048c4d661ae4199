/** A nats-server with JetStream on this host's loopback, started, watched and ended by the agent. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config/schema.js";
import { isListening } from "../net/listening.js";

type EmbeddedConfig = Pick<Config["nats"], "port" | "dataDirectory" | "serverBinary"> &
  Partial<Pick<Config["nats"], "user" | "password" | "token">>;

const READY_WITHIN_MS = 15_000;
const STOP_WITHIN_MS = 10_000;
const RESTART_AFTER_MS = 1000;
const PORT_FREE_WITHIN_MS = 3000;
const LOOK_AGAIN_MS = 50;
/** Of /proc/PID/stat, counted from 1: how many threads the process has (proc(5), num_threads). */
const THREADS_FIELD = 20;

/** The server cannot be started. The message says what to do. */
export class EmbeddedServerError extends Error {
  override readonly name = "EmbeddedServerError";
}

export class EmbeddedNatsServer {
  #process: ChildProcess | undefined;
  #stopping = false;
  #isRestarting = false;
  #ended: Promise<void> = Promise.resolve();

  private constructor(
    private readonly config: EmbeddedConfig,
    private readonly log: Logger,
  ) {}

  /** Resolves when the server takes connections. Throws EmbeddedServerError. */
  static async start(config: EmbeddedConfig, log: Logger): Promise<EmbeddedNatsServer> {
    const server = new EmbeddedNatsServer(config, log);
    await server.#prepare();
    await server.#launch();
    return server;
  }

  /** Process id of the running server. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#end();
    await this.#ended;
  }

  /** For a server that answers nothing any more: ended, by force where it must be, and started again. */
  async restart(): Promise<void> {
    if (this.#isRestarting) return;
    this.#isRestarting = true;
    this.log.error(
      "nats-server answers nothing any more; it is started again. Is the disk of nats.dataDirectory full?",
    );
    await this.#end();
    this.#isRestarting = false;
  }

  async #end(): Promise<void> {
    if (this.#process?.pid !== undefined) await endProcess(this.#process.pid);
  }

  async #prepare(): Promise<void> {
    mkdirSync(this.config.dataDirectory, { recursive: true, mode: 0o700 });
    await this.#freePort();
    writeFileSync(this.#configFile, this.#configuration(), { mode: 0o600 });
  }

  /**
   * One that an agent which was killed has left behind holds the port and the data. Looked for until the port is free: such
   * an agent's last one may only be beginning.
   */
  async #freePort(): Promise<void> {
    const deadline = Date.now() + PORT_FREE_WITHIN_MS;
    do {
      for (const left of leftBehind(this.config.serverBinary, this.#configFile)) {
        this.log.info({ pid: left }, "ending the nats-server that an earlier run has left behind");
        await endProcess(left);
      }
      if (!(await isListening(this.#listener))) return;
      await delay(LOOK_AGAIN_MS);
    } while (Date.now() < deadline);
    throw new EmbeddedServerError(
      `127.0.0.1:${this.config.port} is in use by another program: set nats.port to a free port, or nats.embedded to false`,
    );
  }

  async #launch(): Promise<void> {
    // A process group of its own: an interrupt from the terminal is for the agent, which still needs the server then.
    const child = spawn(this.config.serverBinary, ["-c", this.#configFile], {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const lines: string[] = [];
    const output = createInterface({ input: child.stderr });
    output.on("line", (line) => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
      this.log.debug({ component: "nats-server" }, line);
    });
    await Promise.race([
      once(child, "spawn"),
      once(child, "error").then(([error]) => Promise.reject(error as Error)),
    ]).catch((error: Error) => {
      throw new EmbeddedServerError(
        `${this.config.serverBinary} cannot be started (${error.message}): install the package nats-server, or set nats.embedded to false`,
      );
    });
    this.#process = child;
    const exited = once(child, "exit").then(() => undefined);
    await this.#untilReady(child, lines);
    this.#ended = exited.then(() => this.#afterExit(lines));
  }

  async #untilReady(child: ChildProcess, lines: readonly string[]): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await isListening(this.#listener))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        if (child.pid !== undefined) await endProcess(child.pid);
        throw new EmbeddedServerError(
          `nats-server did not come up on 127.0.0.1:${this.config.port}: ${lines.at(-1) ?? "it said nothing"}`,
        );
      }
      await delay(25);
    }
  }

  async #afterExit(lines: readonly string[]): Promise<void> {
    this.#process = undefined;
    while (!this.#stopping) {
      this.log.error({ last: lines.at(-1) }, "nats-server has ended by itself; starting it again");
      await delay(RESTART_AFTER_MS);
      if (this.#stopping) return;
      try {
        await this.#launch();
        if (this.#stopping) await this.#end();
        return await this.#ended;
      } catch (error) {
        this.log.error({ reason: (error as Error).message }, "nats-server cannot be started again; trying on");
      }
    }
  }

  #configuration(): string {
    return [
      `listen: "127.0.0.1:${this.config.port}"`,
      "jetstream {",
      `  store_dir: ${JSON.stringify(this.config.dataDirectory)}`,
      "}",
      ...this.#authorization(),
      "",
    ].join("\n");
  }

  /** Loopback is everybody's who has an account on the host: what the clients show is demanded. */
  #authorization(): string[] {
    const { user, password, token } = this.config;
    const demanded = Object.entries(token === undefined ? { user, password } : { token });
    const lines = demanded.flatMap(([name, value]) =>
      value === undefined ? [] : `  ${name}: ${JSON.stringify(value)}`,
    );
    return lines.length === 0 ? [] : ["authorization {", ...lines, "}"];
  }

  get #listener() {
    return { host: "127.0.0.1", port: this.config.port };
  }

  get #configFile(): string {
    return join(this.config.dataDirectory, "nats-server.conf");
  }
}

/**
 * Servers that run with our configuration file. They are looked for, since one whose agent was killed as it began has had
 * no time to write its id anywhere.
 */
function leftBehind(serverBinary: string, configFile: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const [program = "", ...options] = argumentsOf(pid);
    return basename(program) === basename(serverBinary) && options.join(" ") === `-c ${configFile}`;
  });
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0$/, "").split("\0");
  } catch {
    // It has ended.
    return [];
  }
}

async function endProcess(pid: number): Promise<void> {
  const deadline = Date.now() + STOP_WITHIN_MS;
  for (let signal: NodeJS.Signals | 0 = "SIGTERM"; ; signal = Date.now() > deadline ? "SIGKILL" : 0) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (hasEnded(pid)) return;
    await delay(20);
  }
}

/** Whether nothing of a process runs, though its parent has not asked for its end yet. */
function hasEnded(pid: number): boolean {
  try {
    // proc(5): the fields after the name, which may hold anything, begin with the third, the state.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    // The first thread of an ended process may be gone while another still holds its sockets.
    return fields[0] === "Z" && fields[THREADS_FIELD - 3] === "1";
  } catch {
    return true;
  }
}
