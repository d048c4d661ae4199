/** When a gateway says that it is ready: not before what it is told can be kept. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { StartError } from "../../../src/agent/errors.js";
import { parseConfig, requireGatewayParts } from "../../../src/config/load.js";
import { runGateway } from "../../../src/gateway/run.js";
import { silent, startTestNats, type TestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { freeUdpPorts } from "../parts/ports.js";

const CLIENTS = [{ name: "bng1", address: "127.0.0.1", secret: "shared on loopback" }];

async function startOn(nats: TestNats, spool?: { readonly directory: string }) {
  const [auth, accounting, coa] = await freeUdpPorts(3);
  const settings = {
    node: "edge1",
    nats: { servers: [nats.url] },
    metrics: { gatewayPort: 0 },
    security: { mode: "lab" },
    radius: {
      listen: { addresses: ["127.0.0.1"], auth, accounting, coa },
      clients: CLIENTS,
      upstreams: [{ name: "aaa", address: "127.0.0.1", secret: "shared on loopback" }],
      ...(spool !== undefined && { spool }),
    },
  };
  const config = requireGatewayParts(parseConfig(JSON.stringify(settings), "gateway.yaml"), "gateway.yaml");
  const gateway = await runGateway({ config, version: "0", log: silent });
  return {
    readiness: async () => {
      const response = await fetch(`http://127.0.0.1:${gateway.metricsPort}/readyz`);
      return { status: response.status, text: await response.text() };
    },
    opened: gateway.ready,
    [Symbol.asyncDispose]: () => gateway.stop(),
  };
}

test("without a spool, a gateway is not ready before it has reached NATS", async () => {
  await using nats = await startTestNats();
  await nats.stop();
  await using gateway = await startOn(nats);
  await until("its ports are open", async () => !/ports/.test((await gateway.readiness()).text));
  const early = await gateway.readiness();
  assert.equal(early.status, 503);
  assert.match(early.text, /NATS/);
  await nats.start();
  await until("it is ready", async () => (await gateway.readiness()).status === 200);
});

test("with a spool, it is ready while NATS is away, and says what it waits for", async () => {
  await using nats = await startTestNats();
  await nats.stop();
  const directory = mkdtempSync(join(tmpdir(), "submirror-spool-"));
  try {
    await using gateway = await startOn(nats, { directory });
    await until("it is ready", async () => (await gateway.readiness()).status === 200);
    assert.equal((await gateway.readiness()).text, '{"status":"ready","waitingFor":["NATS"]}\n');
    await nats.start();
    const nothing = '{"status":"ready","waitingFor":[]}\n';
    await until("it waits for nothing", async () => (await gateway.readiness()).text === nothing);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a second gateway on one spool directory says so and does not run; the first goes on, and another may have it after", async () => {
  await using nats = await startTestNats();
  const directory = mkdtempSync(join(tmpdir(), "submirror-spool-"));
  try {
    {
      await using first = await startOn(nats, { directory });
      await first.opened;
      await using second = await startOn(nats, { directory });
      await assert.rejects(second.opened, (error: Error) => {
        assert.ok(error instanceof StartError);
        assert.deepEqual(error.problems, [
          `radius.spool.directory ${directory} is in use by another gateway: give each gateway a directory of its own, or stop the other one`,
        ]);
        return true;
      });
      assert.equal((await first.readiness()).status, 200);
    }
    await using third = await startOn(nats, { directory });
    await third.opened;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
