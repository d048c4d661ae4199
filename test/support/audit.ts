/** Reading an agent's audit log as it stands on the disk. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditEntry } from "../../src/security/audit/entry.js";

/** Entries of all files, in their order. `directory`: that of makeStrictKeys. */
export function auditEntries(directory: string): AuditEntry[] {
  const path = join(directory, "audit");
  return readdirSync(path)
    .filter((name) => name.startsWith("audit-"))
    .toSorted()
    .flatMap((name) => readFileSync(join(path, name), "utf8").split("\n").slice(0, -1))
    .map((line) => JSON.parse(line) as AuditEntry);
}

/** Reasons of the orders that were refused. */
export function refusals(directory: string): string[] {
  return auditEntries(directory)
    .filter(({ kind, result }) => kind === "order" && result === "refused")
    .map(({ reason }) => String(reason));
}
