/** Links go and come again under traffic: a subscriber's interface, and that to the mediation device. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertOriginalsUntouched } from "../parts/assertions.js";
import { until } from "../parts/poll.js";
import { withScenario } from "../parts/scenario.js";
import { expect } from "../parts/sessions.js";
import { ADDRESS, connectSubscriber, SUBSCRIBER_DEVICE } from "../parts/topology.js";
import { ping, startSteady } from "../parts/traffic.js";
import { ACTIVE, aliceMirrored, OTHER, OTHER_SESSION, SESSION, underTraffic, untilMetric } from "./under-traffic.js";

const PINGS = 200;
const BOB = 2;

test("a subscriber's interface is deleted and made again", async (t) => {
  await underTraffic(t, {}, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { lab, edge, bob } = topology;
    await actors.login({ subscriber: bob, id: OTHER_SESSION });
    expect(await actors.changeMirroring(OTHER_SESSION, OTHER), "CoA-ACK");
    const pings = edge.run(["ping", "-n", "-q", "-i", "0.005", "-w", "3", bob.ipv4], { accept: [0, 1, 2] });
    await sleep(300);
    await edge.ip(`link delete ${bob.accessDevice}`);
    await until(() => system.agent.stdout().includes('"interface":"acc2","msg":"interface gone"'), {
      what: "the agent to see that the interface is gone",
    });
    await pings;
    await connectSubscriber(lab, edge, bob, BOB);
    const began = performance.now();
    await witness.bobAnew(topology);
    await ping(bob.namespace, ADDRESS.server.ipv4, { count: PINGS });
    t.diagnostic(`packets from ${Math.round(performance.now() - began)} ms after the interface was there again`);
    await untilMetric(scenario, ACTIVE, 2);
    return (report) => {
      const { from, to } = witness.mirrored(bob, system.mediation.files(report, 0x301, 0x91));
      // Before, there was no traffic beyond the edge: what was mirrored then were echoes of the edge itself.
      assert.deepEqual([from.missing, to.missing], [0, 0]);
      assert.ok(from.sent >= PINGS && to.sent >= PINGS);
    };
  });
});

test("the mediation device is gone for a while: originals pass, and every lost copy is counted", async (t) => {
  await withScenario({ users: aliceMirrored }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice, mediation } = topology;
    await actors.login({ subscriber: alice, id: SESSION });
    const stream = await startSteady(alice.namespace, ADDRESS.server.ipv4, 500);
    await sleep(500);
    await mediation.ip(`link set ${SUBSCRIBER_DEVICE} down`);
    await sleep(1500);
    await mediation.ip(`link set ${SUBSCRIBER_DEVICE} up`);
    await sleep(500);
    await stream.stop();
    await witness.quiet(alice);
    const metrics = await system.agentMetrics();
    await witness.finish();
    const report = await system.mediation.finish();
    const { from, to } = witness.mirrored(alice, system.mediation.files(report, 0x300, 0x90));
    const counted = [...metrics].filter(([name]) => name.startsWith("submirror_dropped_packets_total"));
    const dropped = counted.reduce((sum, [, count]) => sum + count, 0);
    const missing = from.missing + to.missing;
    t.diagnostic(
      `${from.sent + to.sent} carried, ${from.mirrored + to.mirrored} mirrored, ${missing} lost, ${dropped} counted: ${counted.flatMap(([name, count]) => (count > 0 ? [`${/"(\w+)"/.exec(name)?.[1]} ${count}`] : [])).join(", ")}`,
    );
    assert.ok(missing > 500, "there was an outage");
    assert.equal(dropped, missing);
    assert.deepEqual([from.extra, to.extra], [0, 0]);
    assertOriginalsUntouched(scenario, alice, 0);
  });
});
