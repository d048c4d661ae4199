/** An intercept begins and ends when its order says, to the hundredth of a second, also while the agent does not run. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { li } from "../support/events.js";
import { assertOriginalsUntouched } from "./parts/assertions.js";
import { type Packet, subscriberPackets } from "./parts/compare.js";
import { order } from "./parts/events.js";
import { ipOf } from "./parts/packet.js";
import { readFrames } from "./parts/pcap.js";
import { withScenario } from "./parts/scenario.js";
import { userRecord } from "./parts/system.js";
import { ADDRESS } from "./parts/topology.js";
import { startSteady } from "./parts/traffic.js";

const SESSION = "1048577";
const PER_SECOND = 1000;
const TOLERANCE_MS = 10;
/** Enough for the agent to be stopped before. */
const BEGINS_IN_MS = 6000;
const LASTS_MS = 2000;
const GOES_ON_MS = 1000;

interface Sighting extends Packet {
  readonly mirrored: boolean;
}

/** Milliseconds that the packet passed after `moment` (Unix time in milliseconds). */
const after = ({ timeNs }: Packet, moment: number): number => Number(timeNs - BigInt(moment) * 1_000_000n) / 1e6;

/** Stopped, it is what a node too busy for it has; killed, its nats-server is gone too. */
const FATES = { "the agent is stopped": "SIGSTOP", "no agent is alive": "SIGKILL" } as const;

for (const [fate, signal] of Object.entries(FATES)) {
  it(`an intercept begins and ends within 10 ms of its times, while ${fate}`, (t) => keepsItsTimes(t, signal));
}

async function keepsItsTimes(t: TestContext, signal: NodeJS.Signals): Promise<void> {
  await withScenario({ users: ({ alice }) => userRecord(alice) }, async (scenario) => {
    const { topology, actors, system, witness } = scenario;
    const { alice } = topology;
    await actors.login({ subscriber: alice, id: SESSION });
    const stream = await startSteady(alice.namespace, ADDRESS.server.ipv4, PER_SECOND);
    const begin = Date.now() + BEGINS_IN_MS;
    const end = begin + LASTS_MS;
    const times = { notBefore: new Date(begin).toISOString(), notAfter: new Date(end).toISOString() };
    await order(topology, SESSION, li("on", times), "applied");
    system.agent.signal(signal);
    assert.ok(Date.now() < begin, "the agent was stopped before the begin");
    await sleep(end + GOES_ON_MS - Date.now());
    await stream.stop();
    await witness.quiet(alice);
    await witness.finish();
    await system.mediation.finish();
    system.agent.signal("SIGCONT");

    const carried = subscriberPackets(witness.file("access"), alice.addresses);
    const mirrored = new Set(system.mediation.allFiles().flatMap(packetsIn));
    for (const direction of ["from", "to"] as const) {
      const seen = carried[direction].map((packet) => ({
        ...packet,
        mirrored: mirrored.has(packet.bytes.toString("hex")),
      }));
      assertWithin(seen, begin, end, direction);
      const [first, last] = [seen.find((it) => it.mirrored), seen.findLast((it) => it.mirrored)];
      assert.ok(first && last);
      const figures = `first copy ${after(first, begin).toFixed(2)} ms after the begin, last ${after(last, end).toFixed(2)} ms after the end`;
      t.diagnostic(
        `${direction}: ${seen.length} carried, ${seen.filter((it) => it.mirrored).length} mirrored; ${figures}`,
      );
    }
    assertOriginalsUntouched(scenario, alice, 0);
  });
}

function packetsIn(file: string): string[] {
  return [...readFrames(file)].map((frame) => (ipOf(frame) ?? frame.data).toString("hex"));
}

/** Every packet between the two times is mirrored, none outside; within the tolerance either may be. */
function assertWithin(seen: readonly Sighting[], begin: number, end: number, name: string): void {
  const inside = seen.filter((it) => after(it, begin) > TOLERANCE_MS && after(it, end) < -TOLERANCE_MS);
  const outside = seen.filter((it) => after(it, begin) < -TOLERANCE_MS || after(it, end) > TOLERANCE_MS);
  assert.ok(inside.length > (LASTS_MS * PER_SECOND) / 2000, `${name}: ${inside.length} packets inside`);
  assert.ok(outside.some((it) => after(it, begin) < 0) && outside.some((it) => after(it, end) > 0));
  assert.equal(inside.filter((it) => !it.mirrored).length, 0, `${name}: not mirrored in time`);
  assert.equal(outside.filter((it) => it.mirrored).length, 0, `${name}: mirrored before or after`);
}
