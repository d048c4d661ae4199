/** What is mirrored goes on while no agent runs, and an agent that comes back finds it as it is. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { assertMirrored, assertOriginalsUntouched } from "./parts/assertions.js";
import { until } from "./parts/poll.js";
import { withScenario } from "./parts/scenario.js";
import { expect } from "./parts/sessions.js";
import { userRecord } from "./parts/system.js";
import { ADDRESS } from "./parts/topology.js";
import { download, ping } from "./parts/traffic.js";

const LI = { action: "on", handle: "0000030000000090" } as const;
const DOWNLOAD = 20_000_000;

it("an agent that is killed and started again loses no packet, and stops what it did not start", async () => {
  await withScenario({ users: ({ alice }) => userRecord(alice, LI) }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice } = topology;
    const session = { subscriber: alice, id: "1048577" };
    await actors.login(session);
    const running = download(alice.namespace, ADDRESS.server.ipv4, DOWNLOAD);
    system.agent.kill();
    await until(() => !system.agent.running, { what: "the end of the agent" });
    await running;
    await download(alice.namespace, ADDRESS.server.ipv6, DOWNLOAD);
    await system.restartAgent();
    await ping(alice.namespace, ADDRESS.server.ipv4);
    const before = await witness.quiet(alice);
    expect(await actors.changeMirroring(session.id, { ...LI, action: "off" }), "CoA-ACK");
    await ping(alice.namespace, ADDRESS.server.ipv4);
    await witness.quiet(alice);
    await witness.finish();
    const report = await system.mediation.finish();
    const window = { before };
    const { to } = assertMirrored(scenario, report, {
      subscriber: alice,
      interceptId: 0x300,
      sessionId: 0x90,
      window,
      atLeast: 100,
    });
    assert.ok(to.sent >= (2 * DOWNLOAD) / 1460);
    assertOriginalsUntouched(scenario, alice, 2 * DOWNLOAD);
  });
});
