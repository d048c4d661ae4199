/** One network namespace: a host of the lab. */
import { join } from "node:path";
import { Daemon, type DaemonOptions } from "./daemon.js";
import { LabError } from "./errors.js";
import { type RunOptions, type RunResult, run } from "./run.js";

export class Namespace {
  readonly #daemons: Daemon[];

  /** @param daemons where the lab keeps account of what it must end */
  constructor(
    /** What it plays, e.g. `edge`. */
    readonly role: string,
    /** As `ip netns` knows it. */
    readonly name: string,
    readonly logDirectory: string,
    daemons: Daemon[],
  ) {
    this.#daemons = daemons;
  }

  /** `ip netns exec` would hide bpffs by mounting /sys anew; this does not. */
  enter(argv: readonly string[]): string[] {
    return ["nsenter", `--net=/run/netns/${this.name}`, ...argv];
  }

  run(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return run(this.enter(argv), options);
  }

  /** `ip` commands, one a line, as one batch. */
  async ip(...lines: readonly string[]): Promise<void> {
    await run(["ip", "-n", this.name, "-batch", "-"], { input: `${lines.join("\n")}\n` });
  }

  async sysctl(settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.run(["sysctl", "-q", "-w", ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)]);
  }

  /** Starts a program that runs until it is stopped or the lab ends. */
  start(name: string, argv: readonly string[], options: Omit<DaemonOptions, "logPrefix"> = {}): Daemon {
    const nth = this.#daemons.filter((daemon) => daemon.name === name).length;
    const logPrefix = join(this.logDirectory, nth === 0 ? name : `${name}-${nth + 1}`);
    const daemon = new Daemon(name, this.enter(argv), { ...options, logPrefix });
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Sum of a counter in /sys/class/net over the given devices (all but loopback where none is given). */
  async statistic(counter: string, devices?: readonly string[]): Promise<number> {
    const { stdout } = await run(["ip", "-n", this.name, "-s", "-j", "link", "show"]);
    const links = JSON.parse(stdout) as { ifname: string; stats64: Record<"rx" | "tx", Record<string, number>> }[];
    const [direction = "", field = ""] = counter.split("_");
    if (direction !== "rx" && direction !== "tx") throw new LabError(`no such counter: ${counter}`);
    return links
      .filter(({ ifname }) => (devices === undefined ? ifname !== "lo" : devices.includes(ifname)))
      .reduce((sum, { stats64 }) => sum + (stats64[direction][field] ?? 0), 0);
  }
}
