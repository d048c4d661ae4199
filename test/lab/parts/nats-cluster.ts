/** nats-servers of the lab's own on the edge's loopback: one, or three that are a cluster. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { Daemon } from "./daemon.js";
import { LabError } from "./errors.js";
import { until } from "./poll.js";
import type { Topology } from "./topology.js";

const CLIENT_PORT = 4222;
const ROUTE_PORT = 6222;

export class NatsServers {
  readonly #daemons: (Daemon | undefined)[] = [];

  /** `store`: directory of the streams; one below it for each server. */
  constructor(
    private readonly topology: Topology,
    readonly count: number,
    private readonly store = topology.lab.path("jetstream"),
  ) {}

  get urls(): string[] {
    return this.#numbers().map((number) => `nats://127.0.0.1:${CLIENT_PORT + number}`);
  }

  async start(): Promise<void> {
    for (const number of this.#numbers()) this.#launch(number);
    await Promise.all(this.#numbers().map((number) => this.#untilListening(number)));
  }

  /** At once, as when the machine under it dies. */
  async kill(number: number): Promise<void> {
    const daemon = this.#daemons[number];
    daemon?.kill();
    await until(() => daemon?.running !== true, { what: "the end of nats-server" });
  }

  async restart(number: number): Promise<void> {
    this.#launch(number);
    await this.#untilListening(number);
  }

  said(number: number): string {
    return this.#daemons[number]?.stderr() ?? "";
  }

  #numbers(): number[] {
    return Array.from({ length: this.count }, (_, number) => number);
  }

  #launch(number: number): void {
    const { lab, edge } = this.topology;
    const file = lab.path(`nats-${number}.conf`);
    const store = `${this.store}/n${number}`;
    if (!existsSync(store)) mkdirSync(store, { recursive: true });
    writeFileSync(file, this.#configuration(number, store));
    this.#daemons[number] = edge.start(`nats-${number}`, ["nats-server", "-c", file]);
  }

  #configuration(number: number, store: string): string {
    const routes = this.#numbers().map((other) => `"nats://127.0.0.1:${ROUTE_PORT + other}"`);
    const cluster = `cluster { name: lab, listen: "127.0.0.1:${ROUTE_PORT + number}", routes: [${routes.join(", ")}] }`;
    return [
      `server_name: n${number}`,
      `listen: "127.0.0.1:${CLIENT_PORT + number}"`,
      // What streams may come to take is promised beforehand, whatever the disk holds.
      `jetstream { store_dir: ${JSON.stringify(store)}, max_file_store: 16GB }`,
      ...(this.count > 1 ? [cluster] : []),
      "",
    ].join("\n");
  }

  #untilListening(number: number): Promise<boolean> {
    const daemon = this.#daemons[number];
    if (daemon === undefined) throw new LabError(`nats-server ${number} was not started`);
    return daemon.ready("its listener", () => daemon.stderr().includes("Server is ready"));
  }
}

/** The edge's configuration with these servers in place of the embedded one. */
export function natsSection(servers: readonly string[], more: object = {}): { nats: object } {
  return { nats: { embedded: false, servers, ...more } };
}
