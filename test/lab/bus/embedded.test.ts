/** The nats-server that an agent runs itself. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { EmbeddedNatsServer, EmbeddedServerError } from "../../../src/bus/embedded.js";
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
