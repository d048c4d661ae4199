/** The product and what it works with, in the topology: FreeRADIUS, agent (with its own nats-server), gateway, mediation device. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { MediationReport } from "../../../src/mediation/report.js";
import type { Daemon } from "./daemon.js";
import { LabError } from "./errors.js";
import { writeFreeradius } from "./freeradius.js";
import { httpGet, readMetrics } from "./http.js";
import type { Namespace } from "./namespace.js";
import { until } from "./poll.js";
import { ADDRESS, type Subscriber, type Topology } from "./topology.js";

export const SUBMIRROR = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));

export const SECRET = {
  nas: "between-nas-and-gateway",
  aaa: "between-gateway-and-aaa",
  coa: "between-aaa-and-gateway",
};
export const NAS = "bng1";
export const MEDIATION_PORT = 30030;
const AGENT_METRICS = "http://127.0.0.1:9464";
const GATEWAY_METRICS = "http://127.0.0.1:9465";

/** How long agent and gateway may take to become ready, on a machine with other things to do. */
const START_MS = 60_000;

/** The four LI attributes as a RADIUS server has them in its records. */
export interface LiAttributes {
  readonly action: "on" | "off" | "noop";
  /** Hex: 8 or 16 digits. */
  readonly handle: string;
  readonly address?: string;
  readonly port?: number;
}

export function liLines({ action, handle, address, port }: LiAttributes): string[] {
  return [
    `ERX-LI-Action = ${action}`,
    `ERX-Med-Dev-Handle = 0x${handle}`,
    `ERX-Med-Ip-Address = ${address ?? ADDRESS.mediation.ipv4}`,
    `ERX-Med-Port-Number = ${port ?? MEDIATION_PORT}`,
  ];
}

export const password = (subscriber: Pick<Subscriber, "name">): string => `${subscriber.name}-secret`;

/** A subscriber's record in FreeRADIUS's users file; with the LI attributes, whoever logs in is mirrored. */
export function userRecord(subscriber: Subscriber, li?: LiAttributes): string {
  const reply = [
    `Framed-IP-Address = ${subscriber.ipv4}`,
    `Framed-IPv6-Prefix = ${subscriber.framedIpv6Prefix}`,
    `Delegated-IPv6-Prefix = ${subscriber.delegatedIpv6Prefix}`,
    ...(li === undefined ? [] : liLines(li)),
  ];
  return `${subscriber.name} Cleartext-Password := "${password(subscriber)}"\n\t${reply.join(",\n\t")}\n`;
}

export type EdgeCommand = "agent" | "gateway";

export interface SystemOptions {
  /** Text of FreeRADIUS's users file. */
  readonly users: string;
  /** Merged into the edge's configuration, section by section. */
  readonly configuration?: Readonly<Record<string, object>>;
  /** Of agent and gateway, beside this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** What agent and gateway are started with, in place of their plain command line. */
  readonly start?: (command: EdgeCommand, argv: readonly string[]) => readonly string[];
}

export interface System {
  readonly topology: Topology;
  readonly configFile: string;
  /** The one that was started last. */
  readonly agent: Daemon;
  readonly gateway: Daemon;
  readonly aaa: Daemon;
  readonly mediation: MediationDevice;
  agentMetrics(): Promise<ReadonlyMap<string, number>>;
  /**
   * Starts an agent after the last one has ended; resolves when it and the gateway are ready. `program`: that of another
   * build.
   */
  restartAgent(program?: string): Promise<void>;
  /** The same, without waiting. */
  startAgent(program?: string): Daemon;
}

/** Starts everything; resolves when all of it is ready. */
export async function startSystem(topology: Topology, options: SystemOptions): Promise<System> {
  const { lab, edge } = topology;
  const configFile = lab.path("edge.yaml");
  writeFileSync(configFile, stringify(edgeConfiguration(topology, options)), { mode: 0o600 });
  const { start = (_command, argv) => argv } = options;
  const submirror = (command: EdgeCommand, program = SUBMIRROR): Daemon =>
    edge.start(command, start(command, [process.execPath, program, command, "--config", configFile]), {
      env: { ...process.env, ...options.env },
    });
  const mediation = new MediationDevice(topology.mediation, lab.path("mediation", "out"));
  const aaa = startAaa(topology, options.users);
  let agent = submirror("agent");
  const gateway = submirror("gateway");
  const edgeReady = async (): Promise<void> => {
    await agent.ready("/readyz", () => ready(edge, AGENT_METRICS), START_MS);
    await gateway.ready("/readyz", () => ready(edge, GATEWAY_METRICS), START_MS);
  };
  await aaa.ready("its ports", () => aaa.stdout().includes("Ready to process requests"));
  await mediation.daemon.ready("its sockets", () => mediation.daemon.stderr().includes("listening on"));
  await edgeReady();
  return {
    topology,
    configFile,
    get agent() {
      return agent;
    },
    gateway,
    aaa,
    mediation,
    agentMetrics: () => readMetrics(edge, `${AGENT_METRICS}/metrics`),
    restartAgent: (program) => {
      agent = submirror("agent", program);
      return edgeReady();
    },
    startAgent: (program) => {
      agent = submirror("agent", program);
      return agent;
    },
  };
}

async function ready(namespace: Namespace, base: string): Promise<boolean> {
  return (await httpGet(namespace, `${base}/readyz`))?.status === 200;
}

/** What an operator would write for this edge node. */
function edgeConfiguration({ lab }: Topology, { configuration = {} }: SystemOptions): object {
  const sections: Record<string, object> = {
    nats: { embedded: true, dataDirectory: lab.path("nats") },
    interfaces: { access: ["acc*"], core: ["core0"], mediation: ["med0"] },
    mediation: { sourceIpv4: ADDRESS.edgeToMediation.ipv4, sourceIpv6: ADDRESS.edgeToMediation.ipv6 },
    security: { mode: "lab" },
    agent: { socket: lab.path("agent.sock") },
    // Not the machine's bpffs: several labs may run on one machine.
    datapath: { pinDirectory: join(lab.bpffs(), "submirror") },
    radius: {
      listen: { addresses: ["127.0.0.1", ADDRESS.edgeToAaa] },
      clients: [{ name: NAS, address: "127.0.0.1", secret: SECRET.nas, nasIdentifier: NAS }],
      upstreams: [{ name: "aaa", address: ADDRESS.aaa, secret: SECRET.aaa }],
      coaClients: [{ name: "aaa", address: ADDRESS.aaa, secret: SECRET.coa }],
      holdMs: 2000,
    },
  };
  for (const [name, section] of Object.entries(configuration)) sections[name] = { ...sections[name], ...section };
  return { node: "edge", ...sections };
}

function startAaa({ lab, aaa }: Topology, users: string): Daemon {
  const { command, args } = writeFreeradius({
    dir: lab.path("aaa", "raddb"),
    listen: ADDRESS.aaa,
    ports: { auth: 1812, acct: 1813 },
    clients: [{ name: "edge", address: ADDRESS.edgeToAaa, secret: SECRET.aaa }],
    users,
  });
  return aaa.start("freeradius", [command, ...args]);
}

/** The reference mediation device in its namespace. */
export class MediationDevice {
  readonly daemon: Daemon;

  constructor(
    namespace: Namespace,
    readonly out: string,
    addresses: readonly string[] = [
      `${ADDRESS.mediation.ipv4}:${MEDIATION_PORT}`,
      `[${ADDRESS.mediation.ipv6}]:${MEDIATION_PORT}`,
    ],
  ) {
    const listen = addresses.flatMap((address) => ["--listen", address]);
    const argv = [process.execPath, SUBMIRROR, "mediation", ...listen, "--out", out, "--json"];
    this.daemon = namespace.start("mediation", [...argv, "--receive-buffer", String(128 * 1024 * 1024)]);
  }

  /** What it has received so far. */
  async report(): Promise<MediationReport> {
    const before = this.#reports().length;
    this.daemon.signal("SIGUSR1");
    return this.daemon.ready("a report", () => this.#reports()[before]);
  }

  /** Waits until nothing more comes, ends it, and returns its last report. Throws LabError where it lost something. */
  async finish(): Promise<MediationReport> {
    let received = -1;
    await until(
      async () => {
        const before = received;
        received = (await this.report()).received;
        return received === before;
      },
      { what: "the end of the mirrored packets", everyMs: 100, deadlineMs: 30_000 },
    );
    await this.daemon.stop();
    const last = this.#reports().at(-1);
    if (last === undefined) throw new LabError("the mediation device ended without a report");
    if (last.kernelDrops !== 0)
      throw new LabError(`the mediation device lost ${last.kernelDrops} datagrams: receive buffer`);
    return last;
  }

  /** pcapng files of the stream with these ids, whatever its source. */
  files(report: MediationReport, interceptId: number, sessionId: number): string[] {
    const streams = report.streams.filter((it) => it.interceptId === interceptId && it.sessionId === sessionId);
    return streams.map(({ file }) => join(this.out, file));
  }

  /** All pcapng files, whatever stream they hold. */
  allFiles(): string[] {
    return readdirSync(this.out).map((name) => join(this.out, name));
  }

  #reports(): MediationReport[] {
    const lines = this.daemon.stdout().split("\n");
    // The last piece is empty, or a line that is still being written.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as MediationReport);
  }
}
