/**
 * Holds what a subscriber's interface carried against what the mediation device received: every packet there, none
 * besides, each byte for byte.
 */
import { createHash } from "node:crypto";
import { ipOf, parseIp } from "./packet.js";
import { readFrames } from "./pcap.js";
import type { PrefixSet } from "./prefix.js";

export interface Packet {
  readonly timeNs: bigint;
  /** From the IP header on. */
  readonly bytes: Buffer;
}

/** Seen from the subscriber. */
export interface ByDirection<T> {
  readonly from: T;
  readonly to: T;
}

export interface Window {
  /** Nanoseconds since the epoch; inclusive. */
  readonly after?: bigint;
  readonly before?: bigint;
}

/**
 * The subscriber's packets in a capture file, in the file's order. Direction is told by the addresses: `from` has its
 * source, `to` its destination among them. Packets of others are left out.
 */
export function subscriberPackets(file: string, addresses: PrefixSet, window: Window = {}): ByDirection<Packet[]> {
  const found = { from: [] as Packet[], to: [] as Packet[] };
  for (const frame of readFrames(file)) {
    if (frame.timeNs < (window.after ?? 0n) || (window.before !== undefined && frame.timeNs > window.before)) continue;
    const bytes = ipOf(frame);
    const ip = bytes === undefined ? undefined : parseIp(bytes);
    if (bytes === undefined || ip === undefined) continue;
    if (addresses.has(ip.source)) found.from.push({ timeNs: frame.timeNs, bytes });
    else if (addresses.has(ip.destination)) found.to.push({ timeNs: frame.timeNs, bytes });
  }
  return found;
}

export interface Comparison {
  readonly sent: number;
  readonly sentBytes: number;
  readonly mirrored: number;
  readonly mirroredBytes: number;
  /** Carried and not mirrored. */
  readonly missing: number;
  /** Mirrored and not carried: altered, repeated or somebody else's. */
  readonly extra: number;
  /** Mirrored packets that came after one that was carried later. */
  readonly outOfOrder: number;
  /** Nothing missing, nothing extra. */
  readonly byteExact: boolean;
  /** Positions among the carried packets that are missing, the first few. */
  readonly missingAt: readonly number[];
  /** Positions among the mirrored packets that are extra, the first few. */
  readonly extraAt: readonly number[];
}

const SHOWN = 10;

/** Packets with the same bytes (retransmitted pings, say) are matched first to first. */
export function compare(sent: readonly Buffer[], mirrored: readonly Buffer[]): Comparison {
  const positions = new Map<string, number[]>();
  sent.forEach((bytes, position) => {
    const key = digest(bytes);
    const same = positions.get(key);
    if (same === undefined) positions.set(key, [position]);
    else same.push(position);
  });
  const extraAt: number[] = [];
  let [extra, outOfOrder, latest] = [0, 0, -1];
  mirrored.forEach((bytes, at) => {
    const position = positions.get(digest(bytes))?.shift();
    if (position === undefined) {
      extra++;
      if (extraAt.length < SHOWN) extraAt.push(at);
    } else if (position < latest) outOfOrder++;
    else latest = position;
  });
  const missing = [...positions.values()].flat().toSorted((a, b) => a - b);
  return {
    sent: sent.length,
    sentBytes: totalBytes(sent),
    mirrored: mirrored.length,
    mirroredBytes: totalBytes(mirrored),
    missing: missing.length,
    extra,
    outOfOrder,
    byteExact: missing.length === 0 && extra === 0,
    missingAt: missing.slice(0, SHOWN),
    extraAt,
  };
}

/** Both directions at once, from capture files. */
export function compareFiles(
  carriedFile: string,
  mirroredFiles: readonly string[],
  addresses: PrefixSet,
  window: Window = {},
): ByDirection<Comparison> {
  const carried = subscriberPackets(carriedFile, addresses, window);
  // What the mediation device holds is compared whole: packets of others in it would be a fault to be found.
  const mirrored = mirroredFiles.map((file) => allPackets(file, addresses));
  const bytes = (packets: readonly Packet[]): Buffer[] => packets.map((packet) => packet.bytes);
  return {
    from: compare(
      bytes(carried.from),
      mirrored.flatMap(({ from }) => from),
    ),
    to: compare(
      bytes(carried.to),
      mirrored.flatMap(({ to }) => to),
    ),
  };
}

/** Every packet of a file; what is not `from` the subscriber counts as `to`, so that a stranger's shows up as extra. */
function allPackets(file: string, addresses: PrefixSet): ByDirection<Buffer[]> {
  const found = { from: [] as Buffer[], to: [] as Buffer[] };
  for (const frame of readFrames(file)) {
    const bytes = ipOf(frame) ?? frame.data;
    const ip = parseIp(bytes);
    (ip !== undefined && addresses.has(ip.source) ? found.from : found.to).push(bytes);
  }
  return found;
}

const digest = (bytes: Buffer): string => createHash("sha1").update(bytes).digest("base64");
const totalBytes = (packets: readonly Buffer[]): number => packets.reduce((sum, { length }) => sum + length, 0);
