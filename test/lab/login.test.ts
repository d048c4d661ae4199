/** At login: whose RADIUS record carries the mirroring attributes is mirrored from the first packet on. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  assertMirrored,
  assertOriginalsUntouched,
  assertOuterHeaders,
  assertSuperPackets,
} from "./parts/assertions.js";
import { subscriberPackets } from "./parts/compare.js";
import { exchange } from "./parts/exchange.js";
import { readFrames } from "./parts/pcap.js";
import { type Scenario, type ScenarioOptions, withScenario } from "./parts/scenario.js";
import type { Session } from "./parts/sessions.js";
import { userRecord } from "./parts/system.js";
import { ADDRESS } from "./parts/topology.js";
import { download, ping, upload } from "./parts/traffic.js";

const LI = { action: "on", handle: "0000030000000090" } as const;
const IDS = { interceptId: 0x300, sessionId: 0x90 };
const DOWNLOAD = 20_000_000;
const PACKETS = Math.floor(DOWNLOAD / 1460);

/** alice logs in, sends `traffic`, is quiet; everything of hers must have been mirrored. */
function aliceMirrored(
  options: Omit<ScenarioOptions, "users">,
  traffic: (session: Session) => Promise<void>,
  more: (scenario: Scenario, mirrored: { from: number; to: number }) => Promise<void> | void,
): Promise<void> {
  const users: ScenarioOptions["users"] = ({ alice, bob }) => userRecord(alice, LI) + userRecord(bob);
  return withScenario({ ...options, users }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice } = topology;
    const session = { subscriber: alice, id: "1048577" };
    const { output } = await actors.accept(session);
    assert.doesNotMatch(output.slice(output.indexOf("Received")), /LI-|Med-/, "the NAS must not see the attributes");
    await traffic(session);
    await witness.quiet(alice);
    await witness.finish();
    const report = await system.mediation.finish();
    assert.deepEqual(
      report.streams.map(({ interceptId, sessionId }) => ({ interceptId, sessionId })),
      [IDS],
    );
    const { from, to } = assertMirrored(scenario, report, { ...IDS, subscriber: alice, atLeast: 1 });
    assert.ok(to.sent >= PACKETS, `${to.sent} packets to alice`);
    assertOriginalsUntouched(scenario, alice, DOWNLOAD);
    assertSuperPackets(scenario, alice);
    await more(scenario, { from: from.mirrored, to: to.mirrored });
  });
}

it("a login: all traffic of a 20 MB download with GRO and TSO, ping, DNS, IPv4 and IPv6, from the first packet on", async () => {
  await aliceMirrored(
    {},
    async ({ subscriber }) => {
      // Before accounting starts, as the first packet may.
      await ping(subscriber.namespace, ADDRESS.server.ipv4, { count: 1 });
      await exchange(subscriber, { downloadBytes: DOWNLOAD, uploadBytes: 4_000_000 });
    },
    async (scenario, { from, to }) => {
      const { witness, system, topology } = scenario;
      await assertOuterHeaders(scenario, IDS, from + to);
      const carried = subscriberPackets(witness.file("alice"), topology.alice.addresses);
      const [file = ""] = system.mediation.allFiles();
      const first = readFrames(file).next().value;
      assert.ok(carried.from[0] !== undefined && first?.data.equals(carried.from[0].bytes), "the first packet");
    },
  );
});

it("a mediation path with an MTU of 1500: copies go as fragments, each arrives whole, and they are counted", async () => {
  await aliceMirrored(
    { topology: { mediationMtu: 1500 } },
    async ({ subscriber }) => {
      await download(subscriber.namespace, ADDRESS.server.ipv4, DOWNLOAD);
      await upload(subscriber.namespace, ADDRESS.server.ipv4, 2_000_000);
      await ping(subscriber.namespace, ADDRESS.server.ipv4);
    },
    async ({ system }) => {
      const fragmented = (await system.agentMetrics()).get("submirror_fragmented_packets_total");
      assert.ok(fragmented !== undefined && fragmented >= PACKETS, `${fragmented} counted as fragmented`);
    },
  );
});

it("an IPv6 subscriber: framed prefix and delegated prefix", async () => {
  await aliceMirrored(
    {},
    async ({ subscriber }) => {
      const { namespace, delegatedIpv6 } = subscriber;
      await download(namespace, ADDRESS.server.ipv6, DOWNLOAD);
      await upload(namespace, ADDRESS.server.ipv6, 2_000_000);
      await ping(namespace, ADDRESS.server.ipv6, { source: delegatedIpv6, count: 20, bytes: 1452 });
    },
    ({ witness, topology }) => {
      const { from } = subscriberPackets(witness.file("alice"), topology.alice.addresses);
      assert.ok(from.every(({ bytes }) => bytes.readUInt8(0) >>> 4 === 6));
    },
  );
});
