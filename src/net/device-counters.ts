/** What the kernel counts of an interface, from /proc/self/net/dev: that of the own network namespace. */
import { readFileSync } from "node:fs";

/** Behind the name: bytes, packets, errs, drop. */
const RECEIVE_DROP_COLUMN = 3;

/** Packets that the interface dropped on receive, 0 where it is not there. */
export function receiveDrops(name: string): bigint {
  const line = readFileSync("/proc/self/net/dev", "utf8")
    .split("\n")
    .find((candidate) => candidate.trimStart().startsWith(`${name}:`));
  const columns = line?.split(":")[1]?.trim().split(/\s+/) ?? [];
  return BigInt(columns[RECEIVE_DROP_COLUMN] ?? 0);
}
