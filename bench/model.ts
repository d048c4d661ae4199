/**
 * A node with fast ports, on paper: from what a packet costs here to what the node needs. The formulas are those of
 * docs/performance.md. Pure.
 */
import { DEFAULT_ENTRIES } from "./plan.js";
import type { Result } from "./results.js";

export interface Node {
  /** Subscriber traffic, both directions together, in Gb/s on the wire. */
  readonly gbps: number;
  /** Share of the packets that is mirrored, once each, 0 to 1. */
  readonly share: number;
  /** Of a core, that traffic may use, 0 to 1. */
  readonly utilization: number;
}

/** Nanoseconds of a core, the rig's own work included. */
export interface Costs {
  /** Of a packet that nobody mirrors. */
  readonly passedNs: number;
  /** Of a packet with its copy. */
  readonly mirroredNs: number;
}

export interface Needs {
  readonly mpps: number;
  readonly cores: number;
  /** Towards the mediation devices, on the wire. */
  readonly mediationGbps: number;
  /** Over PCIe in the busier direction, with descriptors. */
  readonly pcieGbps: number;
  /** To and from memory where nothing stays in the cache. */
  readonly memoryGBps: number;
}

/** Preamble, start of frame, gap and check sequence: what a frame has besides its bytes. */
export const WIRE_BYTES = 24;
/** Outer IPv4 and UDP headers and the shim; the Ethernet header is replaced. */
export const ENCAPSULATION_BYTES = 36;
/** A descriptor and a completion, for each frame. */
export const DESCRIPTOR_BYTES = 80;
/** TLP headers and framing for each 256 bytes. */
const PCIE_OVERHEAD = 1 + 26 / 256;

const BITS = 8;
const GIGA = 1e9;

export function packetsPerSecond(gbps: number, frameBytes: number): number {
  return (gbps * GIGA) / (BITS * (frameBytes + WIRE_BYTES));
}

export function needs(node: Node, frameBytes: number, costs: Costs): Needs {
  const packets = packetsPerSecond(node.gbps, frameBytes);
  const copies = packets * node.share;
  const copyBytes = frameBytes + ENCAPSULATION_BYTES;
  const coreNs = (packets - copies) * costs.passedNs + copies * costs.mirroredNs;
  // Towards the wire: originals and copies. Towards memory it is only the originals, and completions.
  const pcieBytes = packets * (frameBytes + DESCRIPTOR_BYTES) + copies * (copyBytes + DESCRIPTOR_BYTES);
  // An original is written and read once by the port; a copy is read, written, and read by the port.
  const memoryBytes = packets * 2 * frameBytes + copies * (2 * frameBytes + copyBytes);
  return {
    mpps: packets / 1e6,
    cores: coreNs / GIGA / node.utilization,
    mediationGbps: (copies * BITS * (copyBytes + WIRE_BYTES)) / GIGA,
    pcieGbps: (pcieBytes * BITS * PCIE_OVERHEAD) / GIGA,
    memoryGBps: memoryBytes / GIGA,
  };
}

/**
 * Bytes of one intercept in the kernel's maps. Shared by all CPUs: the intercept itself, its host in a hash, the
 * buckets of three hashes, its rate, the place of its counters. For each CPU: the counters.
 */
export const STATE_BYTES = { shared: 128 + 96 + 3 * 16 + 24 + 8, perCpu: 48 } as const;

export function stateBytes(intercepts: number, cpus: number): number {
  return intercepts * (STATE_BYTES.shared + STATE_BYTES.perCpu * cpus);
}

const SMALL_BYTES = 128;

function nsOf(result: Result | undefined): number | undefined {
  return result && 1000 / result.handledMpps;
}

/**
 * What a packet costs in `mode`. Packets that nobody mirrors were measured at one size: what the mode adds to plain
 * forwarding there is added at the others. Undefined where something was not measured.
 */
export function costsOf(
  results: readonly Result[],
  mode: "tc" | "xdp-forward",
  packetBytes: number,
): Costs | undefined {
  const forwarding = mode === "tc" ? "forwarding" : "forwarding-xdp-sinks";
  const at = (id: string, bytes: number, mirroredShare: number): number | undefined => {
    const wanted = { packetBytes: bytes, mirroredShare, flows: 1024, subscribers: DEFAULT_ENTRIES };
    const fits = (result: Result): boolean =>
      result.case === id && Object.entries(wanted).every(([key, value]) => result[key as keyof Result] === value);
    return nsOf(results.find(fits));
  };
  const [plain, mirrored] = [at(forwarding, packetBytes, 1), at(mode, packetBytes, 1)];
  const [smallPlain, smallPassed] = [at(forwarding, SMALL_BYTES, 0), at(mode, SMALL_BYTES, 0)];
  if (plain === undefined || mirrored === undefined || smallPlain === undefined || smallPassed === undefined)
    return undefined;
  return { passedNs: plain + Math.max(0, smallPassed - smallPlain), mirroredNs: mirrored };
}
