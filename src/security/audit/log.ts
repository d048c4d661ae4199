/** The audit log of one agent: appends entries, chains them, puts them on the disk, begins new files. */
import { mkdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { AppendFile, syncDirectory } from "../disk/append-file.js";
import type { Signer } from "../keys/signing-key.js";
import {
  type AuditEntry,
  type AuditFields,
  type AuditKind,
  formatEntry,
  makeEntry,
  NO_HASH,
  parseEntry,
} from "./entry.js";
import { readHead, writeHead } from "./head.js";
import { listSegments, segmentName } from "./segments.js";

export interface AuditLogOptions {
  readonly directory: string;
  readonly node: string;
  /** A file is followed by a new one above this. */
  readonly segmentBytes: number;
  /** Files that are kept, 2 or more. Undefined: all. */
  readonly keepSegments?: number;
  /** Signs how far the log has come. */
  readonly signer?: Signer;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

/** The entries cannot be put on the disk. They wait in memory, up to a number. */
export class AuditUnavailableError extends Error {
  override readonly name = "AuditUnavailableError";
}

/** Entries that wait for a disk that takes nothing; those beyond are counted. */
const MAX_WAITING = 10_000;
const HEAD_EVERY_MS = 100;

export class AuditLog {
  #file: AppendFile;
  #seq: number;
  #hash: string;
  #committed: number;
  #committedHash: string;
  #waiting: AuditEntry[] = [];
  #lost = 0;
  #headTimer: NodeJS.Timeout | undefined;
  /** What did not fit when the log was opened; undefined where all did. */
  readonly problem: string | undefined;
  /** Called with what is on the disk by now, in order. */
  onCommitted: (entries: readonly AuditEntry[]) => void = () => undefined;
  /** Whether entries up to that one may be deleted here. */
  mayPrune: (upTo: number) => boolean = () => true;

  /** Opens the log and goes on where it ends. Throws what the file system says. */
  constructor(private readonly options: AuditLogOptions) {
    const { directory } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const last = listSegments(directory).at(-1);
    // Before the first entry: a log without a head record is then one from which it was taken, at whatever moment.
    if (last === undefined && readHead(directory).kind === "none") this.#signHead(0, NO_HASH);
    this.#file = new AppendFile(last?.path ?? join(directory, segmentName(1)));
    const end = endOf(this.#file, directory, last?.first ?? 1);
    [this.#seq, this.#hash, this.problem] = [end.seq, end.hash, end.problem];
    [this.#committed, this.#committedHash] = [end.seq, end.hash];
    const { cut } = this.#file;
    this.append("opened", { ...(cut > 0 && { cut }), ...(this.problem !== undefined && { problem: this.problem }) });
  }

  /** Sequence of the last entry that is on the disk. */
  get committed(): number {
    return this.#committed;
  }

  /** Whether entries wait for the disk. */
  get isBehind(): boolean {
    return this.#waiting.length > 0;
  }

  /** Adds an entry; on the disk with the next `commit`. Undefined where the disk has taken nothing for too long. */
  append(kind: AuditKind, fields: AuditFields = {}): AuditEntry | undefined {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#lost += 1;
      return undefined;
    }
    const { node, clock } = this.options;
    const entry = makeEntry({ seq: this.#seq + 1, now: clock(), node, kind, prev: this.#hash }, fields);
    [this.#seq, this.#hash] = [entry.seq, entry.hash];
    this.#waiting.push(entry);
    this.#file.append(formatEntry(entry));
    return entry;
  }

  /** Every entry is on the disk when this returns. Throws AuditUnavailableError; the next call tries again. */
  commit(): void {
    if (this.#waiting.length === 0) return;
    try {
      this.#file.commit();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new AuditUnavailableError(`the audit log cannot be written (${code ?? message})`, { cause: error });
    }
    const written = this.#waiting;
    this.#waiting = [];
    [this.#committed, this.#committedHash] = [this.#seq, this.#hash];
    this.#headTimer ??= setTimeout(() => this.#writeHead(), HEAD_EVERY_MS).unref();
    this.onCommitted(written);
    if (this.#lost > 0) this.#confessLost();
    if (this.#file.size > this.options.segmentBytes) this.#rotate();
  }

  close(): void {
    try {
      this.commit();
    } catch (error) {
      if (!(error instanceof AuditUnavailableError)) throw error;
    }
    this.#writeHead();
    this.#file.close();
  }

  #confessLost(): void {
    const count = this.#lost;
    this.#lost = 0;
    this.append("lost", { count });
    this.commit();
  }

  #rotate(): void {
    let next: AppendFile;
    try {
      next = new AppendFile(join(this.options.directory, segmentName(this.#seq + 1)));
    } catch {
      // The old file is as good, if larger; the next commit tries again.
      return;
    }
    this.#file.close();
    this.#file = next;
    this.#prune();
  }

  /** The entry that says so is on the disk before a file is deleted. */
  #prune(): void {
    const { directory, keepSegments } = this.options;
    if (keepSegments === undefined) return;
    const segments = listSegments(directory);
    const old = segments.slice(0, Math.max(0, segments.length - keepSegments));
    const first = segments[old.length]?.first;
    if (old.length === 0 || first === undefined || !this.mayPrune(first - 1)) return;
    this.append("pruned", { upTo: first - 1 });
    this.commit();
    for (const { path } of old) unlinkSync(path);
    syncDirectory(directory);
  }

  #writeHead(): void {
    clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
    if (this.#committed === 0) return;
    try {
      this.#signHead(this.#committed, this.#committedHash);
    } catch {
      // A disk that is full: the log itself says so.
    }
  }

  #signHead(seq: number, hash: string): void {
    const { directory, node, signer } = this.options;
    writeHead(directory, { node, seq, hash }, signer);
  }
}

interface End {
  readonly seq: number;
  readonly hash: string;
  readonly problem: string | undefined;
}

/** Where the log ends, and whether that is where its head says that it ended. */
function endOf(file: AppendFile, directory: string, first: number): End {
  const reading = readHead(directory);
  const head = reading.kind === "head" ? reading.head : undefined;
  const line = file.lastLine();
  if (line === undefined) {
    // A file that was begun and not written to, behind others.
    const before = first - 1;
    if (before === 0 && head === undefined) return { seq: 0, hash: NO_HASH, problem: undefined };
    const fits = head?.seq === before;
    const seq = Math.max(before, head?.seq ?? 0);
    return { seq, hash: fits ? head.hash : NO_HASH, problem: fits ? undefined : "entries before this one are missing" };
  }
  try {
    const { seq, hash } = parseEntry(line);
    if (head === undefined) return { seq, hash, problem: "the head record is missing" };
    if (head.seq < seq || (head.seq === seq && head.hash === hash)) return { seq, hash, problem: undefined };
    return { seq: head.seq, hash: head.hash, problem: "entries before this one are missing" };
  } catch {
    return {
      seq: Math.max(head?.seq ?? 0, first),
      hash: head?.hash ?? NO_HASH,
      problem: "the entry before this one was altered",
    };
  }
}
