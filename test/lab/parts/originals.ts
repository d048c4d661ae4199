/**
 * Did the originals arrive unchanged? Holds what left one host against what arrived at another: same bytes, same order,
 * none lost. What a router changes by right (TTL, header checksum) is left out; so is what a host leaves to its NIC
 * (checksums, cutting TCP streams into segments). Checksums must be right where packets pass as on a wire.
 */
import { createHash } from "node:crypto";
import { checksumsRight, type IpPacket, ipOf, PROTOCOL, parseIp, transportChecksumAt } from "./packet.js";
import { readFrames } from "./pcap.js";

export interface Passage {
  /** Bytes of TCP payload and whole packets of everything else, for the record. */
  readonly tcpPayloadBytes: number;
  readonly otherPackets: number;
  /** Packets on the wire whose IPv4 header or transport checksum is wrong. */
  readonly wrongChecksums: number;
  /** One sentence each; empty where all arrived unchanged. */
  readonly differences: readonly string[];
}

/** What passed in one direction between two addresses, ready to be compared. */
interface Flow {
  /** TCP payload as stretches of consecutive sequence numbers; a retransmission begins a new one. */
  readonly stretches: { readonly sequence: number; length: number; readonly hash: ReturnType<typeof createHash> }[];
  /** TCP segments without payload. */
  readonly bare: string[];
  /** Everything else. */
  readonly packets: string[];
}

interface Seen {
  readonly flows: Map<string, Flow>;
  readonly wrongChecksums: number;
}

/**
 * @param select which packets to compare: both captures may hold others
 * @param onWire the capture that saw packets as a wire does, and where checksums must therefore be right
 */
export function comparePassage(
  sentFile: string,
  arrivedFile: string,
  select: (ip: IpPacket) => boolean,
  onWire: "sent" | "arrived",
): Passage {
  const sent = readFlows(sentFile, select);
  const arrived = readFlows(arrivedFile, select);
  const differences: string[] = [];
  let [tcpPayloadBytes, otherPackets] = [0, 0];
  for (const key of new Set([...sent.flows.keys(), ...arrived.flows.keys()])) {
    const before = sent.flows.get(key) ?? newFlow();
    const after = arrived.flows.get(key) ?? newFlow();
    const stretches = (flow: Flow): string[] =>
      flow.stretches.map(({ sequence, length, hash }) => `${sequence} ${length} ${hash.copy().digest("hex")}`);
    differences.push(
      ...differing("stretch of TCP payload", stretches(before), stretches(after)),
      ...differing("TCP segment without payload", before.bare, after.bare),
      ...differing("packet", before.packets, after.packets),
    );
    tcpPayloadBytes += after.stretches.reduce((sum, { length }) => sum + length, 0);
    otherPackets += after.packets.length;
  }
  const { wrongChecksums } = onWire === "sent" ? sent : arrived;
  if (wrongChecksums > 0) differences.push(`${wrongChecksums} packets on the wire have a wrong checksum`);
  return { tcpPayloadBytes, otherPackets, wrongChecksums, differences };
}

function differing(what: string, before: readonly string[], after: readonly string[]): string[] {
  const at = before.findIndex((value, index) => value !== after[index]);
  if (at === -1 && before.length === after.length) return [];
  const place = at === -1 ? before.length : at;
  return [`${what} ${place + 1} differs; ${before.length} were sent and ${after.length} arrived`];
}

const newFlow = (): Flow => ({ stretches: [], bare: [], packets: [] });

function readFlows(file: string, select: (ip: IpPacket) => boolean): Seen {
  const flows = new Map<string, Flow>();
  let wrongChecksums = 0;
  for (const frame of readFrames(file)) {
    const packet = ipOf(frame);
    const ip = packet === undefined ? undefined : parseIp(packet);
    if (packet === undefined || ip === undefined || !select(ip)) continue;
    if (!checksumsRight(packet, ip)) wrongChecksums++;
    const tcp = ip.protocol === PROTOCOL.tcp && !ip.fragment;
    const ports = tcp ? packet.toString("hex", ip.payloadAt, ip.payloadAt + 4) : `${ip.protocol}`;
    const key = `${ip.source.toString("hex")} ${ip.destination.toString("hex")} ${ports}`;
    const flow = flows.get(key) ?? newFlow();
    flows.set(key, flow);
    if (tcp) addSegment(flow, packet, ip);
    else flow.packets.push(fingerprint(packet, ip));
  }
  return { flows, wrongChecksums };
}

function addSegment(flow: Flow, packet: Buffer, ip: IpPacket): void {
  const payloadAt = ip.payloadAt + (packet.readUInt8(ip.payloadAt + 12) >>> 4) * 4;
  const length = ip.end - payloadAt;
  const sequence = packet.readUInt32BE(ip.payloadAt + 4);
  if (length === 0) {
    flow.bare.push(fingerprint(packet, ip));
    return;
  }
  const last = flow.stretches.at(-1);
  const payload = packet.subarray(payloadAt, ip.end);
  if (last !== undefined && (last.sequence + last.length) % 2 ** 32 === sequence) {
    last.length += length;
    last.hash.update(payload);
  } else flow.stretches.push({ sequence, length, hash: createHash("sha1").update(payload) });
}

/** The packet without what a router and a sending NIC change. */
function fingerprint(packet: Buffer, ip: IpPacket): string {
  const copy = Buffer.from(packet.subarray(0, ip.end));
  if (ip.version === 4) {
    copy.writeUInt8(0, 8);
    copy.writeUInt16BE(0, 10);
  } else copy.writeUInt8(0, 7);
  const checksumAt = transportChecksumAt(ip);
  if (checksumAt !== undefined) copy.writeUInt16BE(0, checksumAt);
  return createHash("sha1").update(copy).digest("base64");
}
