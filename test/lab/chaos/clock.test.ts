/** The node's wall clock is stepped an hour back, and then an hour ahead: mirroring does not notice, and ends in time. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { li } from "../../support/events.js";
import type { Daemon } from "../parts/daemon.js";
import { order } from "../parts/events.js";
import type { Scenario } from "../parts/scenario.js";
import { expect } from "../parts/sessions.js";
import { ADDRESS } from "../parts/topology.js";
import { ping } from "../parts/traffic.js";
import { ACTIVE, OTHER, OTHER_SESSION, underTraffic, untilMetric } from "./under-traffic.js";

const HOUR_MS = 3_600_000;
const LASTS_MS = 3000;
const PINGS = 20;
const STEP_CLOCK = fileURLToPath(new URL("../parts/step-clock.js", import.meta.url));

/** By how much the clock of the daemon was off when it last said something, which it does at each CoA. */
function stepOf(daemon: Daemon): number {
  const line = daemon.stdout().trimEnd().split("\n").at(-1) ?? "";
  return Date.parse((JSON.parse(line) as { time: string }).time) - Date.now();
}

function assertStepped(daemon: Daemon, expectedMs: number): void {
  const step = stepOf(daemon);
  assert.ok(Math.abs(step - expectedMs) < 60_000, `the clock of the ${daemon.name} is ${step} ms off`);
}

/** Bob is mirrored from the CoA on, packet by packet, until the next one. */
async function mirrorBobForAWhile({ topology, actors, witness }: Scenario): Promise<void> {
  expect(await actors.changeMirroring(OTHER_SESSION, OTHER), "CoA-ACK");
  await ping(topology.bob.namespace, ADDRESS.server.ipv4, { count: PINGS });
  await witness.quiet(topology.bob);
  expect(await actors.changeMirroring(OTHER_SESSION, { ...OTHER, action: "off" }), "CoA-ACK");
  await ping(topology.bob.namespace, ADDRESS.server.ipv4);
}

test("the clock is stepped an hour back, and an hour ahead", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "submirror-clock-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "step");
  const env = { NODE_OPTIONS: `--import=${STEP_CLOCK}`, LAB_CLOCK_STEP: file };
  await underTraffic(t, { env }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { bob } = topology;
    /** Agent and gateway are on one node, and see the same step. */
    const step = (ms: number): void => {
      writeFileSync(file, String(ms));
      for (const daemon of [system.agent, system.gateway]) daemon.signal("SIGUSR2");
    };
    await actors.login({ subscriber: bob, id: OTHER_SESSION });
    const mediation = { address: ADDRESS.mediation.ipv4, port: 30030 };
    const ends = Date.now() + LASTS_MS;
    const terms = { handle: "0000030200000092", mediation, notAfter: new Date(ends).toISOString() };
    await order(topology, OTHER_SESSION, li("on", terms), "applied");
    step(-HOUR_MS);
    await untilMetric(scenario, ACTIVE, 1);
    const late = Date.now() - ends;
    t.diagnostic(`an intercept for ${LASTS_MS} ms, clock stepped back meanwhile: taken out ${late} ms after its end`);
    assert.ok(late >= -50 && late < 3000, `${late} ms`);
    for (const ms of [-HOUR_MS, HOUR_MS]) {
      step(ms);
      await mirrorBobForAWhile(scenario);
      assertStepped(system.agent, ms);
    }
    await untilMetric(scenario, ACTIVE, 1);
    return (report) => {
      const { from, to } = witness.mirrored(bob, system.mediation.files(report, 0x301, 0x91));
      const extras = [from.extra, to.extra];
      // Twice twenty, and not those that were sent when nothing was mirrored.
      assert.deepEqual([from.mirrored, to.mirrored, ...extras], [2 * PINGS, 2 * PINGS, 0, 0]);
    };
  });
});
