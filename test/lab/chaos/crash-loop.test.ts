/** An agent that is killed again and again while it starts: whatever it was about, nothing of the mirror is missing. */
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../parts/poll.js";
import { ACTIVE, assertMetric, underTraffic } from "./under-traffic.js";

/** Milliseconds after which each is killed: while it loads, attaches, reconciles, and a while after. */
const LIVES_MS = [60, 150, 250, 350, 450, 600, 800, 1200];

test(`the agent is killed ${LIVES_MS.length} times while it starts`, async (t) => {
  await underTraffic(t, {}, async (scenario) => {
    const { system } = scenario;
    for (const life of LIVES_MS) {
      system.agent.kill();
      const dying = system.agent;
      await until(() => !dying.running, { what: "the end of the agent", everyMs: 5 });
      system.startAgent();
      await sleep(life);
    }
    const last = system.agent;
    last.kill();
    await until(() => !last.running, { what: "the end of the agent" });
    await system.restartAgent();
    await assertMetric(scenario, ACTIVE, 1);
  });
});
