/** What a mediation device says of itself: a table for people, an object for machines. */
import Table from "cli-table3";
import type { CollectorReport, Count, StreamReport } from "./collector.js";

export interface MediationReport extends CollectorReport {
  /** Datagrams lost at the sockets for want of receive buffer. */
  readonly kernelDrops: number;
}

const hex = (id: number): string => `0x${id.toString(16)}`;

function cell({ packets, bytes }: Count): string {
  return packets === 0 ? "-" : `${packets} / ${bytes}`;
}

function row(stream: StreamReport): string[] {
  const { from, to, unknown } = stream.counts;
  return [
    stream.source,
    hex(stream.interceptId),
    hex(stream.sessionId),
    cell(from),
    cell(to),
    cell(unknown),
    stream.firstSeen,
    stream.lastSeen,
    stream.file,
  ];
}

/** One line a stream, then one line on everything that is in no stream. */
export function formatReport(report: MediationReport): string {
  const table = new Table({
    head: ["source", "intercept", "session", "from (packets / bytes)", "to", "either", "first", "last", "file"],
    style: { head: [], border: [] },
  });
  table.push(...report.streams.map(row));
  const left = { ...report.malformed, ...report.unwritten, "kernel-drops": report.kernelDrops };
  const rest = Object.entries(left).map(([reason, count]) => `${reason} ${count}`);
  return `${table.toString()}\nreceived ${report.received}; not in a file: ${rest.join(", ")}\n`;
}
