/** SNMPv3 with the real snmptrapd: authenticated and encrypted, decoded field by field, and what happens when it is away. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defaultEngineId, startEngine } from "../../../src/notifications/engine.js";
import { NOTIFICATION, OBJECT } from "../../../src/notifications/mib.js";
import { NotificationOutbox } from "../../../src/notifications/outbox.js";
import { SnmpSession } from "../../../src/notifications/snmp-session.js";
import { toSnmp } from "../../../src/notifications/varbinds.js";
import { ALL_KINDS, liEvent } from "../../support/notifications.js";
import { until } from "../../support/poll.js";
import { temporaryDirectory } from "../../support/security.js";
import { freeUdpPorts } from "../parts/ports.js";

const ENGINE_ID = defaultEngineId("edge1");
const USER = { user: "submirror", authPassphrase: "authenticated so", privPassphrase: "and encrypted so" };

interface Receiver extends AsyncDisposable {
  readonly port: number;
  output(): string;
  stop(): Promise<void>;
}

async function startReceiver(
  directory: string,
  port: number,
  authProtocol: "SHA" | "SHA-256",
  engine = `-e 0x${ENGINE_ID} `,
): Promise<Receiver> {
  mkdirSync(join(directory, "persistent"), { recursive: true });
  const config = join(directory, "snmptrapd.conf");
  const output = join(directory, "traps.txt");
  writeFileSync(output, "", { flag: "a" });
  writeFileSync(
    config,
    [
      `createUser ${engine}${USER.user} ${authProtocol} "${USER.authPassphrase}" AES "${USER.privPassphrase}"`,
      `authUser log ${USER.user} priv`,
      "",
    ].join("\n"),
  );
  const argv = [
    "-f",
    "-n",
    "-C",
    "-c",
    config,
    "-Lf",
    output,
    "-O",
    "nx",
    "-m",
    "",
    "-F",
    "TRAP %v\n",
    `udp:127.0.0.1:${port}`,
  ];
  const child: ChildProcess = spawn("snmptrapd", argv, {
    stdio: "ignore",
    env: { ...process.env, SNMP_PERSISTENT_DIR: join(directory, "persistent"), MIBS: "" },
  });
  await until("snmptrapd listens", () =>
    readFileSync(`/proc/${child.pid}/net/udp`, "utf8").includes(
      `:${port.toString(16).toUpperCase().padStart(4, "0")} `,
    ),
  );
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, "exit");
  };
  return { port, output: () => readFileSync(output, "utf8"), stop, [Symbol.asyncDispose]: stop };
}

function session(
  port: number,
  engine: ReturnType<typeof startEngine>,
  changes: Partial<ConstructorParameters<typeof SnmpSession>[0]> = {},
): SnmpSession {
  const options = {
    address: "127.0.0.1",
    port,
    ...USER,
    authProtocol: "sha",
    privProtocol: "aes",
    kind: "trap",
    ...changes,
  } as const;
  return new SnmpSession(options, engine);
}

function trapsIn(output: string): string[] {
  return output.split("\n").filter((line) => line.startsWith("TRAP "));
}

test("snmptrapd reads all seven traps, with the values of the event", async () => {
  using directory = temporaryDirectory();
  const [port = 0] = await freeUdpPorts(1);
  await using receiver = await startReceiver(directory.path, port, "SHA");
  const snmp = session(port, startEngine(directory.path, ENGINE_ID));
  await snmp.send(ALL_KINDS.map((kind) => toSnmp(liEvent(kind), "edge1")));
  await until("all have arrived", () => trapsIn(receiver.output()).length === 7);
  const traps = trapsIn(receiver.output());
  for (const [at, kind] of ALL_KINDS.entries()) {
    assert.ok(traps[at]?.includes(`.1.3.6.1.6.3.1.1.4.1.0 = OID: .${NOTIFICATION[kind].oid}`), traps[at]);
  }
  const loggedOut = traps[3] ?? "";
  for (const [name, value] of [
    ["identifier", "Gauge32: 768"],
    ["sessionIdentifier", "Gauge32: 4294967280"],
    ["trigger", "Hex-STRING: 31 30 34 38 35 37 37 "],
    ["triggerType", "INTEGER: 5"],
    ["configurationSource", "INTEGER: 1"],
    ["dateAndTime", "Hex-STRING: 07 EA 0B 16 07 05 09 03 2B 00 00 "],
    ["targetIpAddress", "IpAddress: 100.64.0.7"],
    ["analyzerAddress", "IpAddress: 198.51.100.9"],
    ["terminationReason", "INTEGER: 4"],
    ["octetsReceived", "Counter64: 18446744073709551615"],
    ["octetsTransmitted", "Counter64: 4294967296"],
    ["targetIpv6PrefixLength", "Gauge32: 64"],
  ] as const) {
    assert.ok(loggedOut.includes(`.${OBJECT[name]} = ${value}`), `${name}: ${loggedOut}`);
  }
  snmp.close();
});

test("snmptrapd takes SHA-256, and an agent that was started again", async () => {
  using directory = temporaryDirectory();
  const [port = 0] = await freeUdpPorts(1);
  await using receiver = await startReceiver(directory.path, port, "SHA-256");
  for (const start of [1, 2]) {
    const snmp = session(port, startEngine(directory.path, ENGINE_ID), { authProtocol: "sha256" });
    await snmp.send([toSnmp(liEvent("LiServiceActivated"), "edge1")]);
    await until(`the trap of start ${start}`, () => trapsIn(receiver.output()).length === start);
    snmp.close();
  }
});

test("without the right passphrases nothing of a trap can be read", async () => {
  using directory = temporaryDirectory();
  const [port = 0, listened = 0] = await freeUdpPorts(2);
  await using receiver = await startReceiver(directory.path, port, "SHA");
  const engine = startEngine(directory.path, ENGINE_ID);
  for (const wrong of [
    { authPassphrase: "something else" },
    { privPassphrase: "something else" },
    { user: "somebody" },
  ]) {
    const snmp = session(port, engine, wrong);
    await snmp.send([toSnmp(liEvent("MirroringFailure"), "edge1")]);
    snmp.close();
  }
  const good = session(port, engine);
  await good.send([toSnmp(liEvent("LiServiceDeactivated"), "edge1")]);
  await until("the good one has arrived", () => trapsIn(receiver.output()).length > 0);
  const arrived = trapsIn(receiver.output()).join("\n");
  assert.ok(!arrived.includes(NOTIFICATION.MirroringFailure.oid), arrived);
  good.close();

  const socket = createSocket("udp4");
  socket.bind(listened, "127.0.0.1");
  await once(socket, "listening");
  const seen = once(socket, "message") as Promise<[Buffer]>;
  const watched = session(listened, engine);
  await watched.send([toSnmp(liEvent("LiSubscriberLoggedIn"), "edge1")]);
  const [packet] = await seen;
  for (const secret of ["alice", "1048577", "bng1", "edge1\u0000"]) assert.ok(!packet.includes(secret), secret);
  assert.ok(packet.includes(USER.user), "the user of SNMP is in the clear, as it has to be");
  watched.close();
  socket.close();
});

test("a receiver that is away gets everything when it is there again", async () => {
  using directory = temporaryDirectory();
  const [port = 0] = await freeUdpPorts(1);
  const counts = { sent: 0, retried: 0, dropped: 0 };
  const outbox = new NotificationOutbox(session(port, startEngine(directory.path, ENGINE_ID)), {
    limit: 100,
    keepMs: 60_000,
    retryMs: 50,
    now: () => performance.now(),
    counted: (result, count) => {
      counts[result] += count;
    },
    changed: () => undefined,
  });
  for (let at = 0; at < 10; at++) outbox.add(toSnmp(liEvent("LiServiceActivated", { interceptId: at + 1 }), "edge1"));
  await until("it was tried in vain", () => counts.retried > 0);
  assert.equal(counts.sent, 0);
  await using receiver = await startReceiver(directory.path, port, "SHA");
  await until("all are sent", () => counts.sent === 10);
  await until(
    "all have arrived",
    () =>
      new Set(trapsIn(receiver.output()).map((trap) => /16\.1\.1\.1\.1\.0 = Gauge32: (\d+)/.exec(trap)?.[1])).size ===
      10,
  );
  assert.equal(counts.dropped, 0);
  await outbox.stop();
});

test("an inform is acknowledged by snmptrapd, and lost without it", async () => {
  using directory = temporaryDirectory();
  const [port = 0] = await freeUdpPorts(1);
  const engine = startEngine(directory.path, ENGINE_ID);
  const receiver = await startReceiver(directory.path, port, "SHA", "");
  const snmp = session(port, engine, { kind: "inform" });
  await snmp.send([toSnmp(liEvent("LiServiceActivated"), "edge1")]);
  assert.equal(trapsIn(receiver.output()).length, 1);
  await receiver.stop();
  await assert.rejects(snmp.send([toSnmp(liEvent("LiServiceActivated"), "edge1")]));
  snmp.close();
});
