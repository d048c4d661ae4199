/**
 * Something goes wrong while a mirrored subscriber has traffic both ways: every packet that her interface carried has to
 * be at the mediation device, once, and every original where it was going, unchanged.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { MediationReport } from "../../../src/mediation/report.js";
import { assertMirrored, assertOriginalsUntouched } from "../parts/assertions.js";
import { until } from "../parts/poll.js";
import { type Scenario, type ScenarioOptions, withScenario } from "../parts/scenario.js";
import { type LiAttributes, userRecord } from "../parts/system.js";
import { ADDRESS, type Topology } from "../parts/topology.js";
import { startSteady } from "../parts/traffic.js";

export const LI: LiAttributes = { action: "on", handle: "0000030000000090" };
export const SESSION = "1048577";
/** Bob's, for what happens to others meanwhile. */
export const OTHER: LiAttributes = { action: "on", handle: "0000030100000091" };
export const OTHER_SESSION = "1048578";

export const ACTIVE = 'submirror_intercepts{state="active"}';

/** Datagrams a second from alice, each answered. */
const PER_SECOND = 500;

export interface ChaosOptions extends Partial<Omit<ScenarioOptions, "users">> {
  /** Seconds of traffic at least; 1 where absent. */
  readonly seconds?: number;
  /** Text of FreeRADIUS's users file; alice is mirrored at login, bob is not, where absent. */
  readonly users?: (topology: Topology) => string;
}

/** Alice mirrored at login, bob not. */
export const aliceMirrored = ({ alice, bob }: Topology): string => `${userRecord(alice, LI)}\n${userRecord(bob)}`;

/** Runs `body` while alice has traffic, and checks all of it. `body` may check more once everything is written down. */
export async function underTraffic(
  t: TestContext,
  options: ChaosOptions,
  body: (scenario: Scenario) => Promise<void | ((report: MediationReport) => void)>,
): Promise<void> {
  await withScenario({ ...options, users: options.users ?? aliceMirrored }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice } = topology;
    await actors.login({ subscriber: alice, id: SESSION });
    const stream = await startSteady(alice.namespace, ADDRESS.server.ipv4, PER_SECOND);
    const began = performance.now();
    const after = await body(scenario);
    const atLeastMs = (options.seconds ?? 1) * 1000;
    await until(() => performance.now() - began > atLeastMs, { what: "enough traffic" });
    await stream.stop();
    await witness.quiet(alice);
    await witness.finish();
    const report = await system.mediation.finish();
    const seconds = (performance.now() - began) / 1000;
    const { from, to } = assertMirrored(scenario, report, {
      subscriber: alice,
      interceptId: 0x300,
      sessionId: 0x90,
      atLeast: Math.floor((PER_SECOND * atLeastMs) / 2000),
    });
    assertOriginalsUntouched(scenario, alice, 0);
    const carried = from.sent + to.sent;
    t.diagnostic(
      `${seconds.toFixed(1)} s: ${carried} packets carried, ${from.mirrored + to.mirrored} mirrored, 0 lost`,
    );
    after?.(report);
  });
}

/** Waits until the agent's sample has the value. */
export async function untilMetric({ system }: Scenario, sample: string, value: number): Promise<void> {
  let last: number | undefined;
  await until(
    async () => {
      last = (await system.agentMetrics()).get(sample);
      return last === value;
    },
    { what: `${sample} to be ${value}`, everyMs: 100, explain: () => `it is ${last}` },
  );
}

export async function assertMetric({ system }: Scenario, sample: string, value: number): Promise<void> {
  assert.equal((await system.agentMetrics()).get(sample), value, sample);
}
