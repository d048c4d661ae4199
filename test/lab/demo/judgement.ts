/** Holds what was mirrored, and what became of the originals, against what was sent. */
import type { MediationReport } from "../../../src/mediation/report.js";
import { type ByDirection, type Comparison, subscriberPackets, type Window } from "../parts/compare.js";
import { outerHeaders } from "../parts/jmirror.js";
import type { Passage } from "../parts/originals.js";
import { ipOf } from "../parts/packet.js";
import { readFrames } from "../parts/pcap.js";
import type { MediationDevice } from "../parts/system.js";
import type { Subscriber, Topology } from "../parts/topology.js";
import type { Witness } from "../parts/witness.js";

export interface StreamRow {
  readonly stream: string;
  readonly direction: "from" | "to";
  readonly comparison: Comparison;
}

export interface OriginalsRow {
  readonly subscriber: string;
  readonly direction: "from" | "to";
  readonly passage: Passage;
}

export interface Judgement {
  readonly streams: readonly StreamRow[];
  readonly originals: readonly OriginalsRow[];
  /** True sentences, one a line. */
  readonly facts: readonly string[];
  /** What is wrong; empty where nothing is. */
  readonly faults: readonly string[];
}

export interface Evidence {
  readonly topology: Topology;
  readonly witness: Witness;
  readonly mediation: MediationDevice;
  readonly report: MediationReport;
  /** When the packets of each had to be mirrored. */
  readonly aliceWindow: Window;
  readonly bobWindow: Window;
}

const DIRECTIONS = ["from", "to"] as const;

export async function judge(evidence: Evidence): Promise<Judgement> {
  const { witness, topology } = evidence;
  const { alice, bob } = topology;
  const facts: string[] = [];
  const faults: string[] = [];
  const streams = [
    ...streamRows(evidence, alice, 0x300, 0x90, evidence.aliceWindow, faults),
    ...streamRows(evidence, bob, 0x301, 0x91, evidence.bobWindow, faults),
  ];
  const originals = [alice, bob].flatMap((subscriber) =>
    originalsRows(witness.originals(subscriber), subscriber, faults),
  );
  judgeFirstPacket(evidence, facts, faults);
  judgeUnmirrored(evidence, streams, facts, faults);
  judgeReport(evidence.report, faults);
  judgeSuperPackets(evidence, facts, faults);
  await judgeOuterHeaders(evidence, streams, facts, faults);
  return { streams, originals, facts, faults };
}

function streamRows(
  { witness, mediation, report }: Evidence,
  subscriber: Subscriber,
  interceptId: number,
  sessionId: number,
  window: Window,
  faults: string[],
): StreamRow[] {
  const stream = `${subscriber.name} 0x${interceptId.toString(16)}/0x${sessionId.toString(16)}`;
  const compared = witness.mirrored(subscriber, mediation.files(report, interceptId, sessionId), window);
  return DIRECTIONS.map((direction) => {
    const comparison = compared[direction];
    if (comparison.sent === 0) faults.push(`${stream} ${direction}: nothing was sent`);
    if (!comparison.byteExact) {
      faults.push(
        `${stream} ${direction}: ${comparison.missing} packets missing, ${comparison.extra} too many or altered`,
      );
    }
    return { stream, direction, comparison };
  });
}

function originalsRows(passages: ByDirection<Passage>, { name }: Subscriber, faults: string[]): OriginalsRow[] {
  return DIRECTIONS.map((direction) => {
    const passage = passages[direction];
    faults.push(...passage.differences.map((difference) => `originals ${direction} ${name}: ${difference}`));
    if (passage.tcpPayloadBytes === 0) faults.push(`originals ${direction} ${name}: no TCP payload was seen`);
    return { subscriber: name, direction, passage };
  });
}

/** The first packet that alice's interface carried is the first one in her file. */
function judgeFirstPacket({ topology, witness, mediation, report }: Evidence, facts: string[], faults: string[]): void {
  const { from } = subscriberPackets(witness.file("alice"), topology.alice.addresses);
  const [file] = mediation.files(report, 0x300, 0x90);
  const first = file === undefined ? undefined : readFrames(file).next().value;
  const mirrored = first === undefined ? undefined : ipOf(first);
  if (from[0] !== undefined && mirrored?.equals(from[0].bytes) === true) {
    facts.push("The first packet of alice's session is the first packet of her file.");
  } else faults.push("the first packet of alice's session is not the first packet of her file");
}

/** There was traffic that had to stay out of the mirror; had any of it been mirrored, it would be extra. */
function judgeUnmirrored(
  { topology, witness, aliceWindow, bobWindow }: Evidence,
  streams: readonly StreamRow[],
  facts: string[],
  faults: string[],
): void {
  const extra = streams.some(({ comparison }) => comparison.extra > 0);
  for (const [{ name, addresses }, window] of [
    [topology.alice, aliceWindow],
    [topology.bob, bobWindow],
  ] as const) {
    const all = subscriberPackets(witness.file(name), addresses);
    const within = subscriberPackets(witness.file(name), addresses, window);
    const outside = all.from.length + all.to.length - within.from.length - within.to.length;
    if (outside === 0) faults.push(`${name} sent nothing while not under intercept`);
    else if (!extra)
      facts.push(`${outside} packets of ${name}'s were carried while not under intercept; none is in a file.`);
  }
}

function judgeReport({ streams, malformed, unwritten }: MediationReport, faults: string[]): void {
  if (streams.length !== 2) faults.push(`the mediation device saw ${streams.length} streams in place of 2`);
  for (const [reason, count] of Object.entries({ ...malformed, ...unwritten })) {
    if (count !== 0) faults.push(`the mediation device counts ${count} datagrams as ${reason}`);
  }
}

/** Without super-packets on the edge this would prove less than it says. */
function judgeSuperPackets({ witness, topology }: Evidence, facts: string[], faults: string[]): void {
  const { addresses } = topology.alice;
  const fromServer = witness.superPackets("core", (source) => !addresses.has(source));
  const fromAlice = witness.superPackets("access", (source) => addresses.has(source));
  for (const [place, { count, largest }] of [
    ["from the server", fromServer],
    ["from alice", fromAlice],
  ] as const) {
    if (count > 0) facts.push(`${count} super-packets ${place} passed the edge, of up to ${largest} bytes.`);
    else faults.push(`no super-packet ${place} passed the edge: GRO or TSO is off`);
  }
}

/** tshark reads every mirrored packet, with the ids that were ordered. */
async function judgeOuterHeaders(
  { witness }: Evidence,
  streams: readonly StreamRow[],
  facts: string[],
  faults: string[],
): Promise<void> {
  const expected = new Map<string, number>();
  for (const { stream, comparison } of streams) {
    const [, ids = ""] = stream.split(" ");
    expected.set(ids, (expected.get(ids) ?? 0) + comparison.mirrored);
  }
  for (const [{ mid, sid, ttl, checksum }, count] of await outerHeaders(witness.file("mediation"))) {
    const ids = `0x${Number(mid).toString(16)}/0x${Number(sid).toString(16)}`;
    const right = ttl === "255" && Number(checksum) === 0 && expected.get(ids) === count;
    if (right) {
      facts.push(`tshark reads ${count} packets of intercept ${ids}, outer TTL ${ttl}, UDP checksum 0.`);
      expected.delete(ids);
    } else faults.push(`tshark reads ${count} packets of ${ids}, TTL ${ttl}, UDP checksum ${checksum}: not as ordered`);
  }
  for (const ids of expected.keys()) faults.push(`tshark reads no packets of intercept ${ids}`);
}
