/**
 * One line of the audit log: canonical JSON, chained to the line before it by its hash. What names a subject is sealed, so
 * that whoever keeps or copies the log learns nothing from it, and can verify all of it.
 */
import { createHash } from "node:crypto";
import { canonicalJson, parseCanonical } from "../canonical.js";
import { SecurityError } from "../errors.js";

export const AUDIT_KINDS = [
  /** An agent began to write. */
  "opened",
  /** The data key that entries behind this one are sealed with, and for whom. */
  "data-key",
  /** An instruction or a task, accepted or refused. Written before anything is done about it. */
  "order",
  /** What became of an event that asked for mirroring. */
  "result",
  /** What the kernel mirrors began, changed or ended. */
  "intercept",
  /** Files that were deleted since the configuration keeps so many. */
  "pruned",
  /** Entries that could not be written while the disk was full. */
  "lost",
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export type AuditFields = Readonly<Record<string, unknown>>;

export interface AuditEntry extends AuditFields {
  readonly v: 1;
  /** Counts from 1, without a gap. */
  readonly seq: number;
  /** RFC 3339 in UTC. */
  readonly time: string;
  readonly node: string;
  readonly kind: AuditKind;
  /** Hash of the entry before; that of nothing for the first. */
  readonly prev: string;
  readonly hash: string;
}

/** Names of the frame, which no field may take. */
const FRAME: ReadonlySet<string> = new Set(["v", "seq", "time", "node", "kind", "prev", "hash"]);

const DOMAIN = "submirror audit 1\n";
/** What the first entry is chained to. */
export const NO_HASH = "";

export interface EntryFrame {
  readonly seq: number;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly node: string;
  readonly kind: AuditKind;
  readonly prev: string;
}

export function makeEntry({ seq, now, node, kind, prev }: EntryFrame, fields: AuditFields): AuditEntry {
  for (const name of Object.keys(fields)) if (FRAME.has(name)) throw new RangeError(`an entry's own field is ${name}`);
  const entry = { ...fields, v: 1 as const, seq, time: new Date(now).toISOString(), node, kind, prev };
  return { ...entry, hash: hashOf(canonicalJson(entry)) };
}

/** With a newline at its end. */
export function formatEntry(entry: AuditEntry): Buffer {
  return Buffer.from(`${canonicalJson(entry)}\n`);
}

/** A line without its newline. Throws SecurityError where it is no entry, or not the one that its hash was made for. */
export function parseEntry(line: Uint8Array): AuditEntry {
  const value = parseCanonical(line, "an audit entry") as Partial<AuditEntry> | null;
  const { v, seq, time, node, kind, prev, hash } = value ?? {};
  const framed = v === 1 && Number.isSafeInteger(seq) && [time, node, kind, prev, hash].every(isString);
  if (!framed) throw new SecurityError("malformed", "is not an entry of the audit log");
  const { hash: _hash, ...rest } = value as AuditEntry;
  if (hashOf(canonicalJson(rest)) !== hash)
    throw new SecurityError("bad-signature", "was altered: its hash does not fit it");
  return value as AuditEntry;
}

function hashOf(text: string): string {
  return createHash("sha256").update(DOMAIN).update(text).digest("base64url");
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
