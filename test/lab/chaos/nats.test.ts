/** NATS is away, or its disk is full: what is mirrored goes on, and what happened meanwhile is made up for. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { MediationReport } from "../../../src/mediation/report.js";
import { radiusEvent } from "../../support/events.js";
import { NatsServers, natsSection } from "../parts/nats-cluster.js";
import { enterNamespace } from "../parts/netns.js";
import { until } from "../parts/poll.js";
import { run, runSync } from "../parts/run.js";
import type { Scenario } from "../parts/scenario.js";
import { userRecord } from "../parts/system.js";
import { ADDRESS, type Topology } from "../parts/topology.js";
import { ping } from "../parts/traffic.js";
import {
  ACTIVE,
  assertMetric,
  type ChaosOptions,
  LI,
  OTHER,
  OTHER_SESSION,
  underTraffic,
  untilMetric,
} from "./under-traffic.js";

/** How long NATS is away: a minute with CHAOS_LONG set. */
const AWAY_MS = process.env["CHAOS_LONG"] === undefined ? 4000 : 60_000;
const PINGS = 20;

/** One nats-server of its own, a gateway with a spool, and both alice and bob mirrored at login. */
function withNats(store?: (topology: Topology) => string): ChaosOptions & { servers: () => NatsServers } {
  let servers: NatsServers | undefined;
  return {
    servers: () => servers ?? assert.fail("NATS was not started"),
    users: ({ alice, bob }) => `${userRecord(alice, LI)}\n${userRecord(bob, OTHER)}`,
    prepare: async (topology) => {
      servers = new NatsServers(topology, 1, store?.(topology));
      await servers.start();
      const radius = { spool: { directory: topology.lab.path("spool") } };
      return { configuration: { ...natsSection(servers.urls), radius } };
    },
  };
}

/** Bob logs in while the bus is away; his event waits in the gateway's spool. */
async function logInMeanwhile({ topology, actors }: Scenario): Promise<void> {
  await actors.login({ subscriber: topology.bob, id: OTHER_SESSION });
}

/** What happened meanwhile has taken effect, and what is asked for now does at once. */
async function assertMadeUpFor(scenario: Scenario): Promise<(report: MediationReport) => void> {
  const { topology, actors, witness, system } = scenario;
  const { bob } = topology;
  await untilMetric(scenario, ACTIVE, 2);
  const after = await witness.quiet(bob);
  await ping(bob.namespace, ADDRESS.server.ipv4, { count: PINGS });
  const before = await witness.quiet(bob);
  const stop = { ...OTHER, action: "off" } as const;
  await until(async () => (await actors.changeMirroring(OTHER_SESSION, stop)).code === "CoA-ACK", {
    what: "a CoA that is carried out",
  });
  await ping(bob.namespace, ADDRESS.server.ipv4);
  await untilMetric(scenario, ACTIVE, 1);
  return (report) => {
    const { from, to } = witness.mirrored(bob, system.mediation.files(report, 0x301, 0x91), { after, before });
    assert.deepEqual(
      [from.sent, from.missing, from.extra, to.sent, to.missing, to.extra],
      [PINGS, 0, 0, PINGS, 0, 0],
      "bob's packets",
    );
  };
}

test("NATS killed and started again", async (t) => {
  const options = withNats();
  await underTraffic(t, options, async (scenario) => {
    const { actors, system } = scenario;
    await options.servers().kill(0);
    const gone = performance.now();
    await logInMeanwhile(scenario);
    const refused = await actors.changeMirroring(OTHER_SESSION, OTHER);
    assert.equal(refused.code, "CoA-NAK");
    await until(() => performance.now() - gone > AWAY_MS, { what: "the end of the outage", deadlineMs: 120_000 });
    await assertMetric(scenario, ACTIVE, 1);
    assert.ok(system.agent.running);
    await options.servers().restart(0);
    return await assertMadeUpFor(scenario);
  });
});

/** The last page of a file that is open has room yet: events of no meaning, until one is not stored. */
async function fillUp({ topology }: Scenario): Promise<void> {
  enterNamespace(topology.lab, topology.edge);
  const connection = await connect({ servers: "nats://127.0.0.1:4222" });
  const client = jetstream(connection, { timeout: 1000 });
  const attributes = { "User-Name": "x".repeat(1000) };
  const isStored = (): Promise<boolean> =>
    client
      .publish("radius.bng9.accounting-off", JSON.stringify(radiusEvent("accounting-off", { nas: "bng9", attributes })))
      .then(
        () => true,
        () => false,
      );
  let stored = 0;
  while (await isStored()) assert.ok(++stored < 1000, "the disk is not full");
  await connection.close();
}

test("the disk of NATS is full", async (t) => {
  const options = withNats(({ lab }) => {
    const disk = lab.path("disk");
    mkdirSync(disk);
    runSync(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk]);
    lab.onDestroy(() => runSync(["umount", "-l", disk]));
    return disk;
  });
  await underTraffic(t, options, async (scenario) => {
    const filler = scenario.topology.lab.path("disk", "filler");
    await run(["dd", "if=/dev/zero", `of=${filler}`, "bs=4k", "status=none"], { accept: [0, 1] });
    await fillUp(scenario);
    await logInMeanwhile(scenario);
    await sleep(2000);
    await assertMetric(scenario, ACTIVE, 1);
    rmSync(filler);
    // A nats-server that met a full disk keeps JetStream off until it is started again.
    await options.servers().kill(0);
    await options.servers().restart(0);
    return await assertMadeUpFor(scenario);
  });
});
