/** A cluster of three NATS servers loses the one that leads: nothing is lost, and it goes on with two. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { connect, TimeoutError } from "@nats-io/transport-node";
import { EVENT_STREAM, SESSION_STREAM } from "../../../src/bus/streams.js";
import { NatsServers, natsSection } from "../parts/nats-cluster.js";
import { enterNamespace } from "../parts/netns.js";
import { until } from "../parts/poll.js";
import { ADDRESS } from "../parts/topology.js";
import { ping } from "../parts/traffic.js";
import { ACTIVE, OTHER, OTHER_SESSION, underTraffic, untilMetric } from "./under-traffic.js";

const PINGS = 20;
/** Leaders are elected within some seconds; a RADIUS server repeats what nobody answers. */
const ELECTED_WITHIN_MS = 60_000;

async function leadersOf(urls: readonly string[]): Promise<(string | undefined)[]> {
  const connection = await connect({ servers: [...urls] });
  try {
    const manager = await jetstreamManager(connection);
    const infos = await Promise.all([EVENT_STREAM, SESSION_STREAM].map((name) => manager.streams.info(name)));
    assert.deepEqual(
      infos.map(({ config }) => config.num_replicas),
      [3, 3],
    );
    return infos.map(({ cluster }) => cluster?.leader);
  } finally {
    await connection.close();
  }
}

/** Whether both streams have leaders again. Nobody answers for a stream that has none: of sessions, it may be the last. */
async function leadOthers(urls: readonly string[], killed: string): Promise<boolean> {
  try {
    return (await leadersOf(urls)).every((name) => name !== undefined && name !== killed);
  } catch (error) {
    if (error instanceof TimeoutError || error instanceof JetStreamApiError) return false;
    throw error;
  }
}

test("the leader of the stream of events is killed", async (t) => {
  let servers: NatsServers | undefined;
  await underTraffic(
    t,
    {
      prepare: async (topology) => {
        enterNamespace(topology.lab, topology.edge);
        servers = new NatsServers(topology, 3);
        await servers.start();
        const radius = { spool: { directory: topology.lab.path("spool") } };
        return { configuration: { ...natsSection(servers.urls, { stream: { replicas: 3 } }), radius } };
      },
    },
    async (scenario) => {
      const { topology, actors, witness, system } = scenario;
      const { bob } = topology;
      assert.ok(servers);
      const [leader = ""] = await leadersOf(servers.urls);
      const number = Number(leader.slice(1));
      assert.match(leader, /^n[012]$/);
      await servers.kill(number);
      const killed = performance.now();
      await actors.login({ subscriber: bob, id: OTHER_SESSION });
      let refusals = 0;
      await until(
        async () => {
          const { code } = await actors.changeMirroring(OTHER_SESSION, OTHER);
          refusals += code === "CoA-ACK" ? 0 : 1;
          return code === "CoA-ACK";
        },
        { what: "a CoA that is carried out by the two that are left", deadlineMs: ELECTED_WITHIN_MS, everyMs: 200 },
      );
      t.diagnostic(
        `a CoA was carried out ${Math.round(performance.now() - killed)} ms after the kill, ${refusals} refused`,
      );
      await untilMetric(scenario, ACTIVE, 2);
      const after = await witness.quiet(bob);
      await ping(bob.namespace, ADDRESS.server.ipv4, { count: PINGS });
      const others = servers.urls.filter((_, index) => index !== number);
      await until(() => leadOthers(others, leader), {
        what: "new leaders of both streams",
        deadlineMs: ELECTED_WITHIN_MS,
        everyMs: 200,
      });
      await servers.restart(number);
      return (report) => {
        const { from, to } = witness.mirrored(bob, system.mediation.files(report, 0x301, 0x91), { after });
        assert.deepEqual([from.sent, from.missing, from.extra, to.missing, to.extra], [PINGS, 0, 0, 0, 0]);
      };
    },
  );
});
