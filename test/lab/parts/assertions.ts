/** What every test of mirroring in the lab demands. */
import assert from "node:assert/strict";
import type { MediationReport } from "../../../src/mediation/report.js";
import type { ByDirection, Comparison, Window } from "./compare.js";
import { outerHeaders } from "./jmirror.js";
import type { Scenario } from "./scenario.js";
import type { Subscriber } from "./topology.js";

export interface Expected {
  readonly subscriber: Subscriber;
  readonly interceptId: number;
  readonly sessionId: number;
  readonly window?: Window;
  /** At least so many packets in each direction, so that the test is not empty. */
  readonly atLeast: number;
}

/** Every packet that the subscriber's interface carried was mirrored, byte for byte, and nothing else was. */
export function assertMirrored(
  { witness, system }: Scenario,
  report: MediationReport,
  expected: Expected,
): ByDirection<Comparison> {
  const { subscriber, interceptId, sessionId, window, atLeast } = expected;
  const compared = witness.mirrored(subscriber, system.mediation.files(report, interceptId, sessionId), window);
  for (const direction of ["from", "to"] as const) {
    const { sent, mirrored, missing, extra } = compared[direction];
    const numbers = `${direction} ${subscriber.name}: ${sent} carried, ${mirrored} mirrored`;
    assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, numbers);
    assert.ok(sent >= atLeast, numbers);
  }
  return compared;
}

/** The subscriber's own packets passed the edge: same bytes, same order, none lost, checksums right. */
export function assertOriginalsUntouched({ witness }: Scenario, subscriber: Subscriber, tcpBytesAtLeast: number): void {
  const passages = witness.originals(subscriber);
  for (const direction of ["from", "to"] as const) {
    assert.deepEqual(passages[direction].differences, [], `originals ${direction} ${subscriber.name}`);
  }
  assert.ok(passages.to.tcpPayloadBytes >= tcpBytesAtLeast, `${passages.to.tcpPayloadBytes} bytes of TCP payload`);
}

/** Super-packets reached the edge whole, in both directions: otherwise the test would be about less than it says. */
export function assertSuperPackets({ witness, topology }: Scenario, { addresses }: Subscriber): void {
  assert.ok(witness.superPackets("core", (source) => !addresses.has(source)).count > 0, "from the server");
  assert.ok(witness.superPackets("access", (source) => addresses.has(source)).count > 0, "from the subscriber");
  assert.equal(
    topology.alice.addresses,
    addresses,
    "super-packets from the subscriber are captured on alice's access alone",
  );
}

/** tshark's jmirror dissector: all mirrored packets carry these ids, outer TTL 255 and UDP checksum 0. */
export async function assertOuterHeaders(
  { witness }: Scenario,
  { interceptId, sessionId }: Pick<Expected, "interceptId" | "sessionId">,
  packets: number,
): Promise<void> {
  const headers = await outerHeaders(witness.file("mediation"));
  const numbers = headers.map(([{ mid, sid, ttl, checksum }, count]) => [
    Number(mid),
    Number(sid),
    ttl,
    Number(checksum),
    count,
  ]);
  assert.deepEqual(numbers, [[interceptId, sessionId, "255", 0, packets]]);
}
