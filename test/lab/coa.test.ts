/** In session: a CoA-Request starts and stops mirroring; one that is wrong changes nothing and is told why. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { MAX_TARGETS } from "../../src/sessions/rules/targets.js";
import { assertMirrored, assertOriginalsUntouched } from "./parts/assertions.js";
import { exchange } from "./parts/exchange.js";
import type { RadclientAnswer } from "./parts/radclient.js";
import { withScenario } from "./parts/scenario.js";
import { expect } from "./parts/sessions.js";
import { type LiAttributes, liLines, userRecord } from "./parts/system.js";
import { ADDRESS } from "./parts/topology.js";
import { download, ping } from "./parts/traffic.js";

const ON: LiAttributes = { action: "on", handle: "0000030100000091" };
const SESSION = "1048578";
const SMALL = { downloadBytes: 1_000_000, uploadBytes: 300_000 };

function assertRefused(answer: RadclientAnswer, cause: string): void {
  assert.equal(answer.code, "CoA-NAK", answer.output);
  assert.equal(answer.attributes["Error-Cause"], cause, answer.output);
}

it("a CoA-Request starts mirroring of a running session, another stops it, and only what is between is mirrored", async () => {
  await withScenario({ users: ({ alice, bob }) => userRecord(alice) + userRecord(bob) }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { bob } = topology;
    await actors.login({ subscriber: bob, id: SESSION });
    await exchange(bob, SMALL);
    const after = await witness.quiet(bob);
    expect(await actors.changeMirroring(SESSION, ON), "CoA-ACK");
    await download(bob.namespace, ADDRESS.server.ipv4, 20_000_000);
    await exchange(bob, SMALL);
    const before = await witness.quiet(bob);
    expect(await actors.changeMirroring(SESSION, { ...ON, action: "off" }), "CoA-ACK");
    await exchange(bob, SMALL);
    await witness.quiet(bob);
    await witness.finish();
    const report = await system.mediation.finish();
    assert.equal(report.streams.length, 1);
    const window = { after, before };
    assertMirrored(scenario, report, { subscriber: bob, interceptId: 0x301, sessionId: 0x91, window, atLeast: 200 });
    assertOriginalsUntouched(scenario, bob, 20_000_000);
  });
});

it("a CoA-Request that is wrong is refused with its cause, and what runs goes on", async () => {
  await withScenario({ users: ({ bob }) => userRecord(bob) }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { bob } = topology;
    await actors.login({ subscriber: bob, id: SESSION });
    const session = `Acct-Session-Id = ${SESSION}`;
    for (const left of liLines(ON)) {
      const three = liLines(ON).filter((line) => line !== left);
      assertRefused(await actors.coa([session, ...three]), "Missing-Attribute");
    }
    assertRefused(await actors.changeMirroring("4711", ON), "Session-Context-Not-Found");
    await ping(bob.namespace, ADDRESS.server.ipv4);
    const after = await witness.quiet(bob);
    expect(await actors.changeMirroring(SESSION, ON), "CoA-ACK");
    await ping(bob.namespace, ADDRESS.server.ipv4);
    const stops: LiAttributes[] = [
      { ...ON, action: "off", port: 30031 },
      { ...ON, action: "off", address: "198.51.100.10" },
      { ...ON, action: "off", handle: "0000030100000092" },
    ];
    for (const stop of stops) assertRefused(await actors.changeMirroring(SESSION, stop), "Invalid-Request");
    assertRefused(await actors.changeMirroring("4711", { ...ON, action: "off" }), "Session-Context-Not-Found");
    await exchange(bob, SMALL);
    await witness.quiet(bob);
    await witness.finish();
    const report = await system.mediation.finish();
    assertMirrored(scenario, report, {
      subscriber: bob,
      interceptId: 0x301,
      sessionId: 0x91,
      window: { after },
      atLeast: 200,
    });
    assertOriginalsUntouched(scenario, bob, SMALL.downloadBytes);
  });
});

it("a CoA-Request that names more sessions than may share a name is refused and counted, and changes nothing", async () => {
  await withScenario({ users: ({ bob }) => userRecord(bob) }, async ({ topology, actors, witness, system }) => {
    const { bob } = topology;
    const ids = Array.from({ length: MAX_TARGETS + 1 }, (_, i) => String(1048600 + i));
    for (const id of ids) await actors.account({ subscriber: bob, id }, "Start");
    const byName = [`User-Name = ${bob.name}`, ...liLines(ON)];
    assertRefused(await actors.coa(byName), "Invalid-Request");
    assert.equal((await system.agentMetrics()).get('submirror_events_total{type="coa",result="rejected"}'), 1);
    await ping(bob.namespace, ADDRESS.server.ipv4);
    await witness.quiet(bob);
    const [first = ""] = ids;
    await actors.account({ subscriber: bob, id: first }, "Stop");
    expect(await actors.coa(byName), "CoA-ACK");
    assert.equal((await system.mediation.report()).received, 0, "nothing was mirrored before the acknowledged request");
    await ping(bob.namespace, ADDRESS.server.ipv4);
    await witness.quiet(bob);
    await witness.finish();
    assert.notEqual((await system.mediation.finish()).received, 0);
  });
});
