/** The entries of a log in order, with whom they are about where a reader's key is at hand. */
import { SecurityError } from "../errors.js";
import type { SealingKey } from "../keys/sealing-key.js";
import { DataKey, sealedWith } from "../seal/data-key.js";
import { type Grant, openGrant } from "../seal/grant.js";
import { type AuditEntry, parseEntry } from "./entry.js";
import { auditContext } from "./recorder.js";
import { listSegments, readLines } from "./segments.js";

export interface ShownEntry {
  readonly entry: AuditEntry;
  /** Undefined where it is sealed to others, or the entry is about nobody. */
  readonly about: unknown;
}

/** Entries that do not fit are left out: to tell of them is the verifier's work. */
export async function* readAudit(directory: string, readers: readonly SealingKey[]): AsyncGenerator<ShownEntry> {
  const keys = new Map<string, DataKey>();
  for (const { path } of listSegments(directory)) {
    for await (const { bytes, ended } of readLines(path)) {
      const entry = ended ? entryIn(bytes) : undefined;
      if (entry === undefined) continue;
      if (entry.kind === "data-key") takeKey(entry, readers, keys);
      yield { entry, about: openAbout(entry, keys) };
    }
  }
}

function entryIn(bytes: Buffer): AuditEntry | undefined {
  try {
    return parseEntry(bytes);
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    return undefined;
  }
}

/** The grant stands in the log, whose integrity is the chain's; that it is the agent's own the head record says. */
function takeKey({ grant }: AuditEntry, readers: readonly SealingKey[], keys: Map<string, DataKey>): void {
  try {
    const { statement } = grant as Grant;
    const stated = JSON.parse(Buffer.from(statement, "base64url").toString()) as Parameters<typeof openGrant>[1];
    const secret = openGrant(grant as Grant, stated, readers);
    if (secret !== undefined) keys.set(stated.key, new DataKey(secret));
  } catch {
    // An entry that was written by somebody else: its contents stay sealed.
  }
}

function openAbout({ sealed, node }: AuditEntry, keys: ReadonlyMap<string, DataKey>): unknown {
  if (typeof sealed !== "string") return undefined;
  const bytes = Buffer.from(sealed, "base64url");
  const plain = keys.get(sealedWith(bytes) ?? "")?.open(bytes, auditContext(node));
  if (plain === undefined) return undefined;
  try {
    return JSON.parse(plain.toString("utf8"));
  } catch {
    return undefined;
  }
}
