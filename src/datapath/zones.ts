/** Zones keep overlapping addresses of different routing instances apart. */
import { createHash } from "node:crypto";

/** The kernel's number of a zone, the same on every node and in every run; 0 is the default zone's. */
export function zoneNumber(name: string | undefined): number {
  if (name === undefined || name === "") return 0;
  return createHash("sha256").update(name).digest().readUInt32LE(0) || 1;
}
