/** Reads a log that grows: entry after entry, from a sequence on, over the ends of its files. */
import { closeSync, openSync, readSync } from "node:fs";
import { listSegments, type Segment } from "./segments.js";

export interface ReadEntry {
  readonly seq: number;
  /** Without its newline. */
  readonly line: Buffer;
  /** The same for the same entry, another for another. */
  readonly id: string;
}

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

export class LogReader {
  #fd: number | undefined;
  #segment: Segment | undefined;
  #offset = 0;

  constructor(
    private readonly directory: string,
    /** Sequence of the entry that comes first. */
    private from: number,
  ) {}

  /** The next entries, as many as there are, at most `limit` and none behind `upTo`. Each counts as read when it is returned. */
  next(limit: number, upTo: number): ReadEntry[] {
    const entries: ReadEntry[] = [];
    while (entries.length < limit && this.from <= upTo) {
      const before = entries.length;
      if (this.#fd === undefined && !this.#open()) break;
      const read = this.#readChunk(entries, limit, upTo);
      if (read > 0 || entries.length > before) continue;
      if (!this.#openNext()) break;
    }
    return entries;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Bytes of whole lines that were taken. */
  #readChunk(entries: ReadEntry[], limit: number, upTo: number): number {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const bytes = chunk.subarray(0, readSync(this.#fd as number, chunk, 0, CHUNK, this.#offset));
    let at = 0;
    while (entries.length < limit && this.from <= upTo) {
      const end = bytes.indexOf(NEWLINE, at);
      if (end < 0) break;
      const entry = entryIn(bytes.subarray(at, end));
      at = end + 1;
      if (entry === undefined || entry.seq < this.from) continue;
      entries.push(entry);
      this.from = entry.seq + 1;
    }
    this.#offset += at;
    return at;
  }

  /** The last file that can hold the entry. */
  #open(): boolean {
    return this.#use(
      listSegments(this.directory).findLast(({ first }) => first <= this.from) ?? listSegments(this.directory)[0],
    );
  }

  #openNext(): boolean {
    const current = this.#segment?.first ?? 0;
    return this.#use(listSegments(this.directory).find(({ first }) => first > current));
  }

  #use(segment: Segment | undefined): boolean {
    if (segment === undefined) return false;
    this.close();
    this.#fd = openSync(segment.path, "r");
    this.#segment = segment;
    this.#offset = 0;
    return true;
  }
}

/** Lines that are no entries are passed over: to find them is the verifier's work. */
function entryIn(line: Buffer): ReadEntry | undefined {
  try {
    const { seq, node, hash } = JSON.parse(line.toString("utf8")) as { seq: number; node: string; hash: string };
    return Number.isSafeInteger(seq) ? { seq, line, id: `${node}-${seq}-${hash.slice(0, 16)}` } : undefined;
  } catch {
    return undefined;
  }
}
