/** A real nats-server for a test: loopback, a free port, a directory of its own, ended with the test. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { pino } from "pino";
import { EmbeddedNatsServer } from "../../src/bus/embedded.js";

export interface TestNats extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly dataDirectory: string;
  readonly server: EmbeddedNatsServer;
  connect(): Promise<NatsConnection>;
  /** Ends the server; `start` brings it back on the same port with the same data. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const silent = pino({ level: "silent" });

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

export async function startTestNats(): Promise<TestNats> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "submirror-nats-"));
  const port = await freePort();
  const config = { port, dataDirectory, serverBinary: "nats-server" };
  let server = await EmbeddedNatsServer.start(config, silent);
  const connections: NatsConnection[] = [];
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    dataDirectory,
    get server() {
      return server;
    },
    async connect() {
      const connection = await connect({
        servers: `127.0.0.1:${port}`,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 50,
      });
      connections.push(connection);
      return connection;
    },
    stop: () => server.stop(),
    async start() {
      server = await EmbeddedNatsServer.start(config, silent);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
