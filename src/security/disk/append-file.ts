/**
 * A file that grows at its end alone. `append` keeps what is written in memory, `commit` puts all of it on the disk with one
 * fdatasync: that is what makes thousands of entries a second affordable.
 *
 * Synchronous on purpose: whoever commits may go on only when the disk has it.
 */
import { closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const NEWLINE = 0x0a;
const CHUNK = 64 * 1024;

export class AppendFile {
  readonly #fd: number;
  #pending: Buffer[] = [];
  /** Bytes that are on the disk. */
  #size: number;
  /** Bytes of an unfinished line that were cut off when the file was opened: its writer died, nobody built on it. */
  readonly cut: number;

  /** Opens or makes the file, readable by its owner alone. Throws what the file system says. */
  constructor(readonly path: string) {
    this.#fd = openSync(path, "a+", 0o600);
    const { size } = fstatSync(this.#fd);
    this.#size = endOfLastLine(this.#fd, size);
    this.cut = size - this.#size;
    if (this.cut > 0) ftruncateSync(this.#fd, this.#size);
    if (size === 0) syncDirectory(dirname(path));
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that wait for a commit. */
  get pending(): number {
    return this.#pending.reduce((sum, { length }) => sum + length, 0);
  }

  /** `line` ends with a newline. */
  append(line: Buffer): void {
    this.#pending.push(line);
  }

  /** Without its newline; undefined in an empty file. */
  lastLine(): Buffer | undefined {
    if (this.#size === 0) return undefined;
    const before = endOfLastLine(this.#fd, this.#size - 1);
    const line = Buffer.alloc(this.#size - 1 - before);
    readSync(this.#fd, line, 0, line.length, before);
    return line;
  }

  /** Everything appended is on the disk when this returns. Throws what the disk says; nothing of it counts as written then. */
  commit(): void {
    if (this.#pending.length === 0) return;
    if (fstatSync(this.#fd).size !== this.#size) throw new Error(`${this.path} was changed by another program`);
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at);
      fdatasyncSync(this.#fd);
    } catch (error) {
      // Half a line must not stand before the next one.
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += bytes.length;
    this.#pending = [];
  }

  /** Forgets what was appended and not committed. */
  discard(): void {
    this.#pending = [];
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A new file is safe when its directory is. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function endOfLastLine(fd: number, size: number): number {
  const chunk = Buffer.alloc(CHUNK);
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - CHUNK);
    const read = readSync(fd, chunk, 0, end - from, from);
    const newline = chunk.subarray(0, read).lastIndexOf(NEWLINE);
    if (newline >= 0) return from + newline + 1;
    end = from;
  }
  return 0;
}
