/** Sums of the programs' per-CPU counters. */
import type { BpfMap } from "libbpf-ts";
import { Cpu, DropReason, InterceptCounters as KernelInterceptCounters } from "./layout.gen.js";
import type { DatapathCounters, DirectionCounters, InterceptCounters } from "./port.js";
import { indexKey } from "./registers.js";

const PREFIX = "DROP_";

/** Copies, or fragments of copies, that found the queue of the helper pair full. The device counts them, not a program. */
const STACK_QUEUE_LABEL = "stack_queue";

/** Labels of `submirror_dropped_packets_total`, by the kernel's number. */
const PROGRAM_LABELS: readonly string[] = Object.entries(DropReason)
  .filter(([name]) => name !== "DROP_REASONS")
  .toSorted(([, a], [, b]) => a - b)
  .map(([name]) => name.slice(PREFIX.length).toLowerCase());

/** Every reason for which a copy can be lost. */
export const DROP_LABELS: readonly string[] = [...PROGRAM_LABELS, STACK_QUEUE_LABEL];

interface KernelDirection {
  readonly packets: bigint;
  readonly bytes: bigint;
}

function sum<T>(parts: readonly T[], of: (part: T) => bigint): bigint {
  return parts.reduce((total, part) => total + of(part), 0n);
}

function sumDirection(
  parts: readonly { readonly mirrored: readonly KernelDirection[] }[],
  index: number,
): DirectionCounters {
  return {
    packets: sum(parts, (part) => part.mirrored[index]?.packets ?? 0n),
    bytes: sum(parts, (part) => part.mirrored[index]?.bytes ?? 0n),
  };
}

/** `stackQueueDrops`: what the helper pair's device dropped. */
export function readTotals(map: BpfMap, stackQueueDrops: bigint): DatapathCounters {
  const parts = (map.lookupPerCpu(indexKey(0)) ?? []).map((bytes) => Cpu.decode(bytes).totals);
  const dropped = PROGRAM_LABELS.map(
    (label, reason) => [label, sum(parts, (part) => part.dropped[reason] ?? 0n)] as const,
  );
  return {
    from: sumDirection(parts, 0),
    to: sumDirection(parts, 1),
    dropped: { ...Object.fromEntries(dropped), [STACK_QUEUE_LABEL]: stackQueueDrops },
    fragmented: sum(parts, (part) => part.fragmented),
    throughStack: sum(parts, (part) => part.through_stack),
    excluded: sum(parts, (part) => part.policy_excluded),
    byXdp: sum(parts, (part) => part.by_xdp),
  };
}

export function readIntercept(map: BpfMap, slot: number): InterceptCounters {
  const parts = (map.lookupPerCpu(indexKey(slot)) ?? []).map((bytes) => KernelInterceptCounters.decode(bytes));
  return {
    from: sumDirection(parts, 0),
    to: sumDirection(parts, 1),
    dropped: sum(parts, (part) => part.dropped),
    excluded: sum(parts, (part) => part.policy_excluded),
  };
}

export const NO_COUNTERS: InterceptCounters = {
  from: { packets: 0n, bytes: 0n },
  to: { packets: 0n, bytes: 0n },
  dropped: 0n,
  excluded: 0n,
};

function addDirection(a: DirectionCounters, b: DirectionCounters): DirectionCounters {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes };
}

export function addCounters(a: InterceptCounters, b: InterceptCounters): InterceptCounters {
  return {
    from: addDirection(a.from, b.from),
    to: addDirection(a.to, b.to),
    dropped: a.dropped + b.dropped,
    excluded: a.excluded + b.excluded,
  };
}
