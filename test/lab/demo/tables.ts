/** The demonstration's tables. */
import Table from "cli-table3";
import type { OriginalsRow, StreamRow } from "./judgement.js";

const PLAIN = { head: [], border: [] };
const RIGHT = "right" as const;
const yes = (value: boolean): string => (value ? "yes" : "NO");

export function formatStreams(rows: readonly StreamRow[]): string {
  const table = new Table({
    head: [
      "stream",
      "direction",
      "packets sent",
      "bytes sent",
      "mirrored",
      "bytes mirrored",
      "missing",
      "extra",
      "byte-exact",
    ],
    colAligns: ["left", "left", RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, "left"],
    style: PLAIN,
  });
  for (const { stream, direction, comparison } of rows) {
    const { sent, sentBytes, mirrored, mirroredBytes, missing, extra, byteExact } = comparison;
    table.push([stream, direction, sent, sentBytes, mirrored, mirroredBytes, missing, extra, yes(byteExact)]);
  }
  return table.toString();
}

export function formatOriginals(rows: readonly OriginalsRow[]): string {
  const table = new Table({
    head: ["originals", "direction", "bytes of TCP payload", "other packets", "same bytes, same order, none lost"],
    colAligns: ["left", "left", RIGHT, RIGHT, "left"],
    style: PLAIN,
  });
  for (const { subscriber, direction, passage } of rows) {
    const { tcpPayloadBytes, otherPackets, differences } = passage;
    table.push([subscriber, direction, tcpPayloadBytes, otherPackets, yes(differences.length === 0)]);
  }
  return table.toString();
}

export function formatFaults(faults: readonly string[]): string {
  if (faults.length === 0) return "\n  Every packet was mirrored, byte for byte, and no original was touched.";
  return ["\n  WRONG:", ...faults.map((fault) => `  - ${fault}`)].join("\n");
}
