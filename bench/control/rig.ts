/** An edge with its own nats-server and the agent that people run, in namespaces: where the control plane is measured. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { Daemon } from "../../test/lab/parts/daemon.js";
import { buildTopology, type Topology } from "../../test/lab/parts/topology.js";

const SUBMIRROR = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const FEED = fileURLToPath(new URL("feed.js", import.meta.url));
const NATS_URL = "nats://127.0.0.1:4222";
const START_MS = 300_000;
const FEED_MS = 300_000;

/** One line of the agent's log. */
interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly msg: string;
}

export interface StartedAgent {
  readonly daemon: Daemon;
  /** From the start of the process, which Node's own start is a part of, until it is ready. */
  readonly seconds: number;
}

export class ControlRig implements AsyncDisposable {
  #agents = 0;

  private constructor(readonly topology: Topology) {}

  static async build(): Promise<ControlRig> {
    const topology = await buildTopology();
    const rig = new ControlRig(topology);
    const store = topology.lab.path("nats");
    mkdirSync(store);
    const argv = ["nats-server", "--jetstream", "--store_dir", store, "--addr", "127.0.0.1", "--port", "4222"];
    const nats = topology.edge.start("nats-server", argv);
    await nats.ready("its port", () => nats.stderr().includes("Server is ready"));
    return rig;
  }

  /** Resolves when the agent is live. */
  async startAgent(): Promise<StartedAgent> {
    const { lab, edge } = this.topology;
    const config = lab.path("agent.yaml");
    writeFileSync(config, stringify(this.#configuration()), { mode: 0o600 });
    const began = Date.now();
    const daemon = edge.start(`agent${++this.#agents}`, [process.execPath, SUBMIRROR, "agent", "--config", config]);
    const ready = await daemon.ready(
      "its state",
      () => logOf(daemon).find(({ msg }) => msg.startsWith("ready:")),
      START_MS,
    );
    return { daemon, seconds: (Date.parse(ready.time) - began) / 1000 };
  }

  async feed<T>(...args: readonly (string | number)[]): Promise<T> {
    const argv = [process.execPath, FEED, NATS_URL, ...args.map(String)];
    const { stdout } = await this.topology.edge.run(argv, { timeout: FEED_MS });
    return JSON.parse(stdout) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.topology.lab.close();
  }

  #configuration(): object {
    return {
      node: "edge",
      nats: { servers: [NATS_URL] },
      interfaces: { access: ["acc*"], core: ["core0"], mediation: ["med0"] },
      mediation: { sourceIpv4: "198.51.100.1" },
      security: { mode: "lab" },
      // Each agent finds the kernel as the first one did.
      datapath: { persist: false },
      metrics: { port: 0 },
    };
  }
}

function logOf(daemon: Daemon): LogLine[] {
  return `${daemon.stdout()}\n${daemon.stderr()}`
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

const TICKS_PER_SECOND = 100;

/** Processor time that a process has had, in seconds: what a machine that is full of other work says nothing less of. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process, MiB: now, and the most that it ever had. */
export function residentMiB(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { now: field("VmRSS"), peak: field("VmHWM") };
}
