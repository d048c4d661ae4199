/** Upgrades to builds with another map layout, one that fails and one that is interrupted, under traffic. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PROGRAM } from "../../support/cli.js";
import { buildOther } from "../parts/other-build.js";
import { until } from "../parts/poll.js";
import { expect } from "../parts/sessions.js";
import { ADDRESS, type Topology } from "../parts/topology.js";
import { ping } from "../parts/traffic.js";
import { ACTIVE, assertMetric, OTHER, OTHER_SESSION, underTraffic } from "./under-traffic.js";

const PINGS = 20;

/** Versions of layouts of which something is pinned. */
function versions({ lab }: Topology): string[] {
  return readdirSync(join(lab.bpffs(), "submirror")).filter((name) => name !== "links");
}

/** `struct intercept` with a field at another place. */
const OTHER_LAYOUT = {
  "types.h": (text: string) =>
    text
      .replace("\t__u64 not_before_ns; /* boot clock */\n", "")
      .replace("\t__u8 key[32]; ", "\t__u64 not_before_ns;\n\t__u8 key[32]; "),
};

/** A program that no verifier lets in. */
const REFUSED = {
  "tc.bpf.c": (text: string) =>
    `${text}\nSEC("tc") int refused(struct __sk_buff *skb) { return *(volatile int *)(long)skb->len; }\n`,
};

test("upgrade to another map layout; one that fails rolls back; one that is interrupted does no harm", async (t) => {
  await underTraffic(t, {}, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { lab, bob } = topology;
    const [other, refused] = [
      await buildOther(lab, "other-layout", OTHER_LAYOUT),
      await buildOther(lab, "refused", REFUSED),
    ];
    await actors.login({ subscriber: bob, id: OTHER_SESSION });
    const [before] = versions(topology);

    await system.agent.stop();
    await system.restartAgent(other);
    const [after, ...more] = versions(topology);
    assert.deepEqual(more, []);
    assert.notEqual(after, before);
    await assertMetric(scenario, ACTIVE, 1);
    expect(await actors.changeMirroring(OTHER_SESSION, OTHER), "CoA-ACK");
    await ping(bob.namespace, ADDRESS.server.ipv4, { count: PINGS });
    expect(await actors.changeMirroring(OTHER_SESSION, { ...OTHER, action: "off" }), "CoA-ACK");

    await system.agent.stop();
    const failing = system.startAgent(refused);
    await until(() => !failing.running, { what: "the end of the build that cannot be loaded" });
    assert.equal(failing.exitCode, 2);
    assert.match(failing.stderr(), /submirror: the datapath cannot be set up/);
    assert.deepEqual(versions(topology), [after], "what was pinned by the build that runs, and nothing else");
    await system.restartAgent(other);
    await assertMetric(scenario, ACTIVE, 1);

    await system.agent.stop();
    const interrupted = system.startAgent(PROGRAM);
    await until(() => versions(topology).length === 2, { what: "both layouts side by side", everyMs: 2 });
    interrupted.kill();
    await until(() => !interrupted.running, { what: "the end of the interrupted build" });
    await system.restartAgent(other);
    assert.deepEqual(versions(topology), [after]);

    await system.agent.stop();
    await system.restartAgent(PROGRAM);
    assert.deepEqual(versions(topology), [before], "back to the first build");
    return (report) => {
      const { from, to } = witness.mirrored(bob, system.mediation.files(report, 0x301, 0x91));
      assert.deepEqual([from.missing, from.extra, to.missing, to.extra], [0, 0, 0, 0]);
      assert.ok(from.sent >= PINGS);
    };
  });
});
