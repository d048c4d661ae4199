/** What may break around the gateway, broken under load: an upstream server, NATS, the gateway itself. All of it real. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { jetstream } from "@nats-io/jetstream";
import type { RadiusEvent } from "../../../src/events/types.js";
import { startTestNats, type TestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { startAccountingLoad } from "../parts/accounting-load.js";
import { type RunningFreeradius, startFreeradius } from "../parts/freeradius.js";
import { load, quantile } from "../parts/login-load.js";
import { freeUdpPorts } from "../parts/ports.js";

const SECRET = "shared on loopback";
const USERS = Array.from({ length: 50 }, (_, i) => `user${i} Cleartext-Password := "secret"\n`).join("\n");
const CLIENTS = [{ name: "loopback", address: "127.0.0.0/8", secret: SECRET }];

interface Rig extends AsyncDisposable {
  readonly directory: string;
  readonly nats: TestNats;
  readonly servers: readonly RunningFreeradius[];
  readonly ports: { readonly auth: number; readonly accounting: number };
  /** Starts the product as people do: `submirror gateway --config FILE`. */
  startGateway(): Promise<void>;
  endGateway(signal: NodeJS.Signals): Promise<void>;
  /** What all gateways of this rig have said. */
  log(): string;
}

async function startRig(serverCount: number): Promise<Rig> {
  const directory = mkdtempSync(join(tmpdir(), "submirror-outage-"));
  const nats = await startTestNats();
  const [auth, accounting, coa, ...upstreamPorts] = (await freeUdpPorts(3 + 2 * serverCount)) as [
    number,
    number,
    number,
    ...number[],
  ];
  const upstreams = Array.from({ length: serverCount }, (_, i) => ({
    name: `aaa${i + 1}`,
    auth: upstreamPorts[2 * i] as number,
    accounting: upstreamPorts[2 * i + 1] as number,
  }));
  const servers = await Promise.all(
    upstreams.map((server) =>
      startFreeradius({
        dir: join(directory, server.name),
        ports: { auth: server.auth, acct: server.accounting },
        clients: CLIENTS,
        users: USERS,
      }),
    ),
  );
  const config = {
    node: "edge1",
    nats: { servers: [nats.url] },
    metrics: { gatewayPort: 0 },
    security: { mode: "lab" },
    radius: {
      listen: { addresses: ["127.0.0.1"], auth, accounting, coa },
      clients: [{ name: "bng1", address: "127.0.0.1", secret: SECRET }],
      upstreams: upstreams.map((server) => ({ ...server, address: "127.0.0.1", secret: SECRET })),
      spool: { directory: join(directory, "spool") },
    },
  };
  writeFileSync(join(directory, "gateway.yaml"), JSON.stringify(config));
  let gateway: ChildProcess | undefined;
  let log = "";
  const endGateway = async (signal: NodeJS.Signals) => {
    if (gateway === undefined) return;
    const exited = once(gateway, "exit");
    gateway.kill(signal);
    await exited;
    gateway = undefined;
  };
  return {
    directory,
    nats,
    servers,
    ports: { auth, accounting },
    async startGateway() {
      const main = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));
      gateway = spawn(process.execPath, [main, "gateway", "--config", join(directory, "gateway.yaml")], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const before = log.length;
      gateway.stdout?.on("data", (chunk: Buffer) => (log += chunk.toString()));
      gateway.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
      await until("the gateway's ports are open", () => log.includes("gateway open", before));
    },
    endGateway,
    log: () => log,
    async [Symbol.asyncDispose]() {
      await endGateway("SIGKILL");
      await Promise.all(servers.map((server) => server.stop("SIGKILL")));
      await nats[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What the stream holds, in its order. */
async function storedEvents(nats: TestNats): Promise<RadiusEvent[]> {
  const connection = await nats.connect();
  const client = jetstream(connection);
  const manager = await client.jetstreamManager();
  const { state } = await manager.streams.info("RADIUS");
  const consumer = await client.consumers.get("RADIUS");
  const events: RadiusEvent[] = [];
  if (state.messages === 0) return events;
  for await (const message of await consumer.consume()) {
    events.push(message.json<RadiusEvent>());
    if (message.info.pending === 0) break;
  }
  return events;
}

function recordOf({ data }: RadiusEvent): string {
  return `${String(data.attributes["Acct-Session-Id"])} ${String(data.attributes["Acct-Status-Type"])}`;
}

/** Every record that FreeRADIUS logged, once each: it logs repetitions too. */
function loggedRecords(servers: readonly RunningFreeradius[]): Set<string> {
  const records = servers.flatMap(({ detailFile }) => readFileSync(detailFile, "utf8").split("\n\n"));
  const value = (record: string, name: string) => new RegExp(`\\t${name} = "?([^"\\n]*)"?\\n`).exec(`${record}\n`)?.[1];
  return new Set(
    records
      .filter((record) => record.includes("Acct-Session-Id"))
      .map((record) => `${value(record, "Acct-Session-Id")} ${value(record, "Acct-Status-Type")}`),
  );
}

/** Fails unless the stream has every acknowledged record once, and each session's in its order. */
async function assertComplete(rig: Rig, acknowledged: ReadonlySet<string>): Promise<void> {
  const accounting = async () => (await storedEvents(rig.nats)).filter(({ type }) => type.includes("accounting"));
  let missing: string[] = [];
  const complete = async () => {
    const there = new Set((await accounting()).map(recordOf));
    missing = [...acknowledged].filter((record) => !there.has(record));
    return missing.length === 0;
  };
  await until("the stream has every record", complete, 30_000).catch((error: Error) => {
    const spool = readdirSync(join(rig.directory, "spool")).map(
      (name) => `${name} ${statSync(join(rig.directory, "spool", name)).size}`,
    );
    throw new Error(
      `${error.message}: ${missing.length} of ${acknowledged.size} missing, such as ${missing[0]}; spool: ${spool.join(", ")}; log:\n${rig.log()}`,
    );
  });
  const stored = (await accounting()).map(recordOf);
  assert.equal(new Set(stored).size, stored.length, "an event is stored twice");
  assert.deepEqual(new Set(stored), acknowledged);
  assert.deepEqual(loggedRecords(rig.servers), acknowledged);
  const order = ["Start", "Interim-Update", "Stop"];
  const reached = new Map<string, number>();
  for (const record of stored) {
    const [session = "", status = ""] = record.split(" ");
    const step = order.indexOf(status);
    assert.equal(step, (reached.get(session) ?? -1) + 1, `${status} out of order`);
    reached.set(session, step);
  }
}

it("no login fails when one of two upstream servers is killed", async () => {
  await using rig = await startRig(2);
  await rig.startGateway();
  const options = { port: rig.ports.auth, secret: SECRET, requests: 4000, rate: 800, outstanding: 2000, users: 50 };
  setTimeout(() => rig.servers[0]?.process.kill("SIGKILL"), 1500);
  const result = await load(options);
  assert.equal(rig.servers[0]?.process.signalCode, "SIGKILL", "the server was to die during the load");
  assert.deepEqual(
    { accepted: result.accepted, other: result.other, lost: result.lost },
    { accepted: 4000, other: 0, lost: 0 },
  );
  // Its port answers with an ICMP error at once; a server that is silent would cost upstreamTimeoutMs.
  assert.ok(quantile(result.latencies, 1) < 4000, `slowest login: ${quantile(result.latencies, 1)} ms`);
});

it("no login fails when one of two upstream servers falls silent, and it is used again when it is back", async () => {
  await using rig = await startRig(2);
  await rig.startGateway();
  const [silent] = rig.servers;
  const options = { port: rig.ports.auth, secret: SECRET, requests: 3000, rate: 600, outstanding: 3000, users: 50 };
  setTimeout(() => silent?.process.kill("SIGSTOP"), 1000);
  const result = await load(options);
  assert.deepEqual(
    { accepted: result.accepted, other: result.other, lost: result.lost },
    { accepted: 3000, other: 0, lost: 0 },
  );
  silent?.process.kill("SIGCONT");
  rig.servers[1]?.process.kill("SIGKILL");
  const again = await load({ ...options, requests: 200 });
  assert.deepEqual({ accepted: again.accepted, lost: again.lost }, { accepted: 200, lost: 0 });
});

it("logins and accounting go on without NATS; events arrive later, in order, once", async () => {
  await using rig = await startRig(1);
  await rig.startGateway();
  const nas = { port: rig.ports.accounting, secret: SECRET, concurrent: 40, retryMs: 2000 };
  const before = startAccountingLoad({ ...nas, sessions: 600, prefix: "a" });
  await until("accounting runs", () => before.acknowledged.size > 200);
  await rig.nats.stop();
  await before.done;
  const during = startAccountingLoad({ ...nas, sessions: 300, prefix: "b" });
  const logins = { port: rig.ports.auth, secret: SECRET, requests: 500, rate: 500, outstanding: 500, users: 50 };
  const result = await load(logins);
  await during.done;
  assert.deepEqual({ accepted: result.accepted, lost: result.lost }, { accepted: 500, lost: 0 });
  assert.equal(during.acknowledged.size, 900);
  await rig.nats.start();
  const after = startAccountingLoad({ ...nas, sessions: 300, prefix: "c" });
  await after.done;
  await assertComplete(rig, new Set([...before.acknowledged, ...during.acknowledged, ...after.acknowledged]));
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  it(`no accounting record is lost when the gateway is restarted by ${signal}`, async () => {
    await using rig = await startRig(1);
    await rig.startGateway();
    const nas = { port: rig.ports.accounting, secret: SECRET, concurrent: 40, retryMs: 300, prefix: "r" };
    const accounting = startAccountingLoad({ ...nas, sessions: 1500 });
    for (const enough of [400, 1500]) {
      await until("accounting runs", () => accounting.acknowledged.size > enough);
      await rig.endGateway(signal);
      await rig.startGateway();
    }
    await accounting.done;
    assert.equal(accounting.acknowledged.size, 4500);
    await assertComplete(rig, accounting.acknowledged);
  });
}

it("what is in the spool survives a gateway that is killed while NATS is away", async () => {
  await using rig = await startRig(1);
  await rig.startGateway();
  const nas = { port: rig.ports.accounting, secret: SECRET, concurrent: 40, retryMs: 500 };
  const before = startAccountingLoad({ ...nas, sessions: 50, prefix: "a" });
  await before.done;
  await rig.nats.stop();
  const during = startAccountingLoad({ ...nas, sessions: 200, prefix: "b" });
  await until("accounting runs", () => during.acknowledged.size > 200);
  await rig.endGateway("SIGKILL");
  await rig.startGateway();
  await during.done;
  await rig.nats.start();
  await assertComplete(rig, new Set([...before.acknowledged, ...during.acknowledged]));
});
