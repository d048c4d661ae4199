/** Traffic on a line: the originals must come out as they went in, and what is mirrored meanwhile is kept. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ethernet, type LinkLayer } from "../../bpf/packets.js";
import { compare } from "../parts/compare.js";
import { type BridgedEdge, waitFor } from "./bridged-edge.js";
import { type Line, MAC } from "./line.js";
import type { Datagram } from "./mediation-side.js";

/** By then, a copy too many would have come as well. */
const A_MOMENT_MS = 50;

export type Direction = "from" | "to";

const MACS: Readonly<Record<Direction, LinkLayer>> = {
  from: { source: MAC.subscriber, destination: MAC.server },
  to: { source: MAC.server, destination: MAC.subscriber },
};

/** Sends IP packets, untagged, and waits until all have passed the edge. */
export async function carry(line: Line, direction: Direction, packets: readonly Buffer[]): Promise<void> {
  const [into, outOf] =
    direction === "from" ? (["subscriber", "server"] as const) : (["server", "subscriber"] as const);
  const frames = packets.map((packet) => ethernet(packet, MACS[direction]));
  for (const frame of frames) line.send(into, frame);
  const arrived: Buffer[] = [];
  await waitFor(() => {
    arrived.push(...line.arrived(outOf));
    return arrived.length >= frames.length;
  });
  const { missing, extra } = compare(frames, arrived);
  assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, `originals ${direction} the subscriber`);
}

/** Waits until `count` datagrams are there, or no more come, and a moment longer for what is too much. */
export async function collect({ mediation }: BridgedEdge, count: number): Promise<Datagram[]> {
  const datagrams: Datagram[] = [];
  await waitFor(() => {
    datagrams.push(...mediation.received());
    return datagrams.length >= count;
  });
  await sleep(A_MOMENT_MS);
  return [...datagrams, ...mediation.received()];
}

/** The packets of `datagrams` are those of `expected`, byte for byte, each as often. */
export function assertPackets(datagrams: readonly Datagram[], expected: readonly Buffer[], name: string): void {
  const { missing, extra } = compare(
    expected,
    datagrams.map(({ packet }) => packet),
  );
  assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, `${name}: ${datagrams.length} of ${expected.length}`);
}
