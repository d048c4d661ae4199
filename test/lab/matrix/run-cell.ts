/** One cell of the matrix: traffic of one kind, mirrored over one path; what was carried, what came of it. */
import assert from "node:assert/strict";
import type { DatapathCounters } from "../../../src/datapath/port.js";
import type { InterceptSpec } from "../../../src/intercepts/types.js";
import { junosShim } from "../../bpf/datagram.js";
import { SUBSCRIBER4, SUBSCRIBER6 } from "../../bpf/packets.js";
import { compare } from "../parts/compare.js";
import { ipOf, LINKTYPE_ETHERNET, parseIp } from "../parts/packet.js";
import { type BridgedEdge, type Datagram, MEDIATION, PORT, waitFor } from "./bridged-edge.js";
import { type Path, pathName, type Traffic, trafficName } from "./cells.js";
import { type Burst, burstOf } from "./frames.js";

export interface CellResult {
  readonly traffic: Traffic;
  readonly path: Path;
  /** Packets of the subscriber's. */
  readonly carried: number;
  /** Of these, arrived at the mediation device byte for byte. */
  readonly mirrored: number;
  readonly throughStack: number;
  /** Whose copies were larger than the path's MTU. */
  readonly fragmented: number;
}

/** Where frames are put in, and where they come out. */
interface Flow {
  readonly direction: "from" | "to";
  readonly into: "subscriber" | "server" | "edge";
  readonly outOf: "subscriber" | "server";
}

const FROM: Flow = { direction: "from", into: "subscriber", outOf: "server" };
const TO: Flow = { direction: "to", into: "server", outOf: "subscriber" };
/**
 * The kernel takes a frame's outer tag into the skb's metadata when it comes in. What the edge itself puts on the access
 * interface keeps it in the packet.
 */
const TO_TAG_IN_PACKET: Flow = { direction: "to", into: "edge", outOf: "subscriber" };

const IDS = { interceptId: 0x300, sessionId: 0x90 };

function interceptOn({ outer, mtu }: Path): InterceptSpec {
  return {
    key: "subscriber",
    matches: [
      { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
      { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
    ],
    direction: "both",
    header: { format: "junos", ...IDS },
    mediation: { address: MEDIATION[mtu][outer], port: PORT },
  };
}

/** `number` is any that no other cell has, a multiple of 4. */
export async function runCell(edge: BridgedEdge, traffic: Traffic, path: Path, number: number): Promise<CellResult> {
  try {
    return await mirrorOver(edge, traffic, path, number);
  } catch (error) {
    // What is still under way is none of the next cell's.
    await edge.quiet();
    throw error;
  }
}

async function mirrorOver(edge: BridgedEdge, traffic: Traffic, path: Path, number: number): Promise<CellResult> {
  const before = edge.datapath.counters();
  edge.datapath.put(interceptOn(path));
  const flows = [FROM, TO, ...(traffic.link === "untagged" ? [] : [TO_TAG_IN_PACKET])];
  const mirrored: Datagram[] = [];
  const carried: Buffer[] = [];
  for (const [index, flow] of flows.entries()) {
    const burst = burstOf(traffic, flow.direction, number + index);
    carried.push(...burst.packets);
    await carry(edge, flow, burst, () => {
      mirrored.push(...edge.mirrored());
      return mirrored.length >= carried.length;
    });
  }
  edge.datapath.remove("subscriber");
  return judge({ traffic, path }, carried, mirrored, before, edge.datapath.counters());
}

/** Sends, and waits until all has come out on both ways, or nothing more comes. The originals must be what was sent. */
async function carry(edge: BridgedEdge, flow: Flow, burst: Burst, allMirrored: () => boolean): Promise<void> {
  for (const { frame, offload } of burst.sent) edge.send[flow.into].send(frame, offload);
  const arrived: Buffer[] = [];
  await waitFor(() => {
    arrived.push(...edge.arrived(flow.outOf));
    const all = allMirrored();
    return all && arrived.length >= burst.frames.length;
  });
  assertOriginals(burst.frames, arrived, `originals into ${flow.into}`);
}

/** Unchanged, none missing, and each flow in its order. */
function assertOriginals(sent: readonly Buffer[], arrived: readonly Buffer[], name: string): void {
  const { missing, extra } = compare(sent, arrived);
  assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, name);
  for (const protocol of new Set(sent.map(protocolOf))) {
    const ofProtocol = (frame: Buffer): boolean => protocolOf(frame) === protocol;
    assert.equal(compare(sent.filter(ofProtocol), arrived.filter(ofProtocol)).outOfOrder, 0, `${name}: order`);
  }
}

function protocolOf(frame: Buffer): number | undefined {
  const packet = ipOf({ linkType: LINKTYPE_ETHERNET, data: frame });
  return packet && parseIp(packet)?.protocol;
}

function judge(
  cell: Pick<CellResult, "traffic" | "path">,
  carried: readonly Buffer[],
  mirrored: readonly Datagram[],
  before: DatapathCounters,
  after: DatapathCounters,
): CellResult {
  const { traffic, path } = cell;
  const name = `${trafficName(traffic)} over ${pathName(path)}`;
  const { missing, extra } = compare(
    carried,
    mirrored.map(({ packet }) => packet),
  );
  const changes = differences(before, after);
  assert.deepEqual({ missing, extra }, { missing: 0, extra: 0 }, `${name}: counters ${JSON.stringify(changes)}`);
  const shim = junosShim(IDS.interceptId, IDS.sessionId);
  for (const datagram of mirrored) {
    assert.equal(datagram.address, MEDIATION[path.mtu][path.outer], name);
    assert.ok(datagram.shim.equals(shim), name);
  }
  const { throughStack = 0, fragmented = 0, ...rest } = changes;
  const bytes = carried.reduce((sum, packet) => sum + packet.length, 0);
  assert.deepEqual(rest, { packets: carried.length, bytes }, name);
  const outerBytes = path.outer === 4 ? 36 : 56;
  const oversize = carried.filter((packet) => packet.length + outerBytes > path.mtu).length;
  assert.equal(fragmented, oversize, `${name}: copies that were larger than the path's MTU`);
  return { ...cell, carried: carried.length, mirrored: mirrored.length, throughStack, fragmented };
}

/** What changed in the counters; what did not change is absent. */
function differences(before: DatapathCounters, after: DatapathCounters): Record<string, number> {
  const flat = ({ from, to, dropped, throughStack, fragmented, excluded }: DatapathCounters): [string, bigint][] => [
    ["packets", from.packets + to.packets],
    ["bytes", from.bytes + to.bytes],
    ...Object.entries(dropped).map(([reason, count]): [string, bigint] => [`dropped.${reason}`, count]),
    ["throughStack", throughStack],
    ["fragmented", fragmented],
    ["excluded", excluded],
  ];
  const earlier = new Map(flat(before));
  const changed = flat(after).map(([name, value]) => [name, Number(value - (earlier.get(name) ?? 0n))] as const);
  return Object.fromEntries(changed.filter(([, value]) => value !== 0));
}
