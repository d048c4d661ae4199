/** Datagrams that the kernel dropped at our sockets because their receive buffers were full (Linux, /proc/net/udp). */
import { readFileSync } from "node:fs";
import { parseAddress } from "../net/addresses.js";
import type { ListenAddress } from "./listen.js";

/**
 * Sums the last column of a `/proc/net/udp` or `/proc/net/udp6` table over the rows whose local address is wanted,
 * in the kernel's spelling.
 */
export function dropsInTable(table: string, wanted: ReadonlySet<string>): number {
  let drops = 0;
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const local = fields[1];
    if (local !== undefined && wanted.has(local)) drops += Number(fields[12] ?? 0);
  }
  return drops;
}

/** The kernel's spelling of a local address: 32-bit words in host byte order (little-endian here), then the port. */
export function kernelAddress(address: string, port: number): string {
  const bytes = Buffer.from(parseAddress(address)?.bytes ?? []);
  return `${bytes.swap32().toString("hex")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/** Undefined where the kernel does not tell. */
export function readSocketDrops(listen: readonly ListenAddress[]): number | undefined {
  const wanted = new Set(listen.map(({ address, port }) => kernelAddress(address, port)));
  try {
    return ["udp", "udp6"]
      .map((name) => dropsInTable(readFileSync(`/proc/self/net/${name}`, "latin1"), wanted))
      .reduce((sum, drops) => sum + drops, 0);
  } catch {
    return undefined;
  }
}
