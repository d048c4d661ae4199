/** The nats-server that an agent runs itself. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { EmbeddedNatsServer, EmbeddedServerError } from "../../../src/bus/embedded.js";
import { JetStreamWatch } from "../../../src/bus/jetstream-watch.js";
import { isListening } from "../../../src/net/listening.js";
import { freePort, silent, startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("it has JetStream, listens on loopback alone, and ends with its owner", async () => {
  const nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  assert.equal((await manager.getAccountInfo()).streams, 0);
  assert.equal(connection.info?.host, "127.0.0.1");
  const { pid } = nats.server;
  assert.ok(isAlive(pid));
  await nats[Symbol.asyncDispose]();
  assert.ok(!isAlive(pid));
});

test("killed, it is started again, with its data", async () => {
  await using nats = await startTestNats();
  const connection = await nats.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
  const { pid } = nats.server;
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGKILL");
  await until("another process serves", () => nats.server.pid !== undefined && nats.server.pid !== pid);
  await until("the stream is back", () =>
    manager.streams.info("KEPT").then(
      () => true,
      () => false,
    ),
  );
});

test("one that a killed agent has left behind is ended first", async () => {
  await using nats = await startTestNats();
  const { pid } = nats.server;
  // A second owner with the same directory, as after a crash of the first.
  const config = { port: nats.port, dataDirectory: nats.dataDirectory, serverBinary: "nats-server" };
  const successor = await EmbeddedNatsServer.start(config, silent);
  assert.ok(isAlive(successor.pid));
  assert.ok(!isAlive(pid));
  // The first owner would start its own again; it is told to stop before it can.
  await nats.server.stop();
  await successor.stop();
});

/** A server whose first thread ends at SIGTERM, four seconds before the one that holds the port. */
const SLOW_TO_GO = String.raw`
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/socket.h>

static int ended[2];

static void on_term(int signal) { (void)signal; (void)!write(ended[1], "", 1); }

static void *last(void *none)
{
	char byte;
	while (read(ended[0], &byte, 1) != 1);
	sleep(4);
	_exit(0);
	return none;
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT"))),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (pipe(ended) || bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 8))
		return 1;
	signal(SIGTERM, on_term);
	pthread_create(&thread, NULL, last, NULL);
	pause();
	syscall(SYS_exit, 0);
}
`;

test("one whose threads end one after another holds its port until the last: it is waited for", async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "submirror-nats-slow-"));
  t.after(() => rmSync(dataDirectory, { recursive: true }));
  const program = join(dataDirectory, "nats-server");
  execFileSync("clang-19", ["-Wall", "-Werror", "-pthread", "-x", "c", "-", "-o", program], { input: SLOW_TO_GO });
  const port = await freePort();
  const slow = spawn(program, ["-c", join(dataDirectory, "nats-server.conf")], {
    env: { PORT: String(port) },
    stdio: "ignore",
  });
  t.after(() => slow.kill("SIGKILL"));
  await until("it listens", () => isListening({ host: "127.0.0.1", port: port }));
  const successor = await EmbeddedNatsServer.start({ port, dataDirectory, serverBinary: "nats-server" }, silent);
  assert.equal(slow.exitCode, 0);
  await successor.stop();
});

test("a port that is free a moment later is waited for", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const port = (other.address() as { port: number }).port;
  const dataDirectory = mkdtempSync(join(tmpdir(), "submirror-nats-"));
  setTimeout(() => other.close(), 500);
  const server = await EmbeddedNatsServer.start({ port, dataDirectory, serverBinary: "nats-server" }, silent);
  await server.stop();
  rmSync(dataDirectory, { recursive: true });
});

test("a port in use, a program that is not there: one sentence with what to do", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const port = (other.address() as { port: number }).port;
  const dataDirectory = mkdtempSync(join(tmpdir(), "submirror-nats-"));
  try {
    const start = (changes: object) =>
      EmbeddedNatsServer.start({ port, dataDirectory, serverBinary: "nats-server", ...changes }, silent);
    await assert.rejects(
      start({}),
      (error) => error instanceof EmbeddedServerError && /is in use .* set nats\.port/.test(error.message),
    );
    await assert.rejects(
      start({ port: await freePort(), serverBinary: "/nonexistent/nats-server" }),
      (error) =>
        error instanceof EmbeddedServerError &&
        /cannot be started .* install the package nats-server/.test(error.message),
    );
  } finally {
    other.close();
    rmSync(dataDirectory, { recursive: true });
  }
});

test("one that has met a full disk answers again once there is room", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "submirror-nats-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", directory]);
  t.after(async () => {
    await connection.close();
    await server.stop();
    execFileSync("umount", ["-l", directory]);
    rmSync(directory, { recursive: true });
  });
  const port = await freePort();
  const server = await EmbeddedNatsServer.start(
    { port, dataDirectory: directory, serverBinary: "nats-server" },
    silent,
  );
  const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const manager = await jetstreamManager(connection, { timeout: 500 });
  await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
  const filler = join(directory, "filler");
  // Somebody else's, whom nats-server knows nothing of.
  writeFileSync(filler, Buffer.alloc(3.5 * 1024 * 1024));
  const store = (): Promise<boolean> =>
    manager
      .jetstream()
      .publish("kept", Buffer.alloc(10_000))
      .then(
        () => true,
        () => false,
      );
  let stored = 0;
  while (await store()) stored += 1;
  rmSync(filler);
  const hanging = server.pid;
  const watch = new JetStreamWatch({
    ask: () => manager.getAccountInfo(),
    onSilent: () => void server.restart(),
    failures: 3,
  });
  await until(
    "it stores again",
    async () => {
      await watch.look();
      return await store();
    },
    60_000,
  );
  assert.notEqual(server.pid, hanging);
  assert.ok((await manager.streams.info("KEPT")).state.messages >= stored, "what was stored is kept");
});
