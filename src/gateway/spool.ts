/** A bounded queue on disk: what was appended survives the process and the machine, and comes out in order. */
import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DirectoryLock, lockDirectory } from "./directory-lock.js";
import { decodeRecords, encodeRecord } from "./spool-records.js";

export class SpoolFullError extends Error {
  override readonly name = "SpoolFullError";
}

/** The directory cannot be used. The message says what to do. */
export class SpoolDirectoryError extends Error {
  override readonly name = "SpoolDirectoryError";
}

export interface SpoolOptions {
  readonly directory: string;
  readonly maxBytes: number;
  /** A file of the queue is followed by a new one above this. */
  readonly segmentBytes?: number;
}

/** The oldest records; `commit` takes those away that are done with. */
export interface SpoolBatch<T> {
  readonly records: readonly T[];
  /** Records `0` to `count - 1` are done with; not before this has resolved may the next batch be read. */
  commit(count: number): Promise<void>;
}

interface Segment {
  readonly number: number;
  /** Bytes that are safely on disk. */
  bytes: number;
}

interface Pending {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const SEGMENT_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const SUFFIX = ".spool";
const CURSOR = "cursor.json";

export class Spool<T> {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #segments: Segment[] = [];
  /** Where the oldest record begins, in the first segment. */
  #offset = 0;
  #lastNumber = 0;
  #bytes = 0;
  #damaged = 0;
  #file: FileHandle | undefined;
  #lock: DirectoryLock | undefined;
  #pending: Pending[] = [];
  #writing: Promise<void> | undefined;

  private constructor(options: SpoolOptions) {
    this.#directory = options.directory;
    this.#maxBytes = options.maxBytes;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  }

  /** Opens the queue with what an earlier process left in it. Rejects with SpoolDirectoryError. */
  static async open<T>(options: SpoolOptions): Promise<Spool<T>> {
    const spool = new Spool<T>(options);
    try {
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
      spool.#lock = await lockDirectory(options.directory);
      if (spool.#lock === undefined) throw inUse(options.directory);
      await spool.#recover();
    } catch (error) {
      await spool.#lock?.release();
      if (error instanceof SpoolDirectoryError) throw error;
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
      throw new SpoolDirectoryError(
        `radius.spool.directory ${options.directory} cannot be used (${reason}): name a directory that the gateway may write to`,
        { cause: error },
      );
    }
    return spool;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records that could not be read back since this was opened. */
  get damaged(): number {
    return this.#damaged;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0 && this.#pending.length === 0 && this.#writing === undefined;
  }

  /** Resolves when the record is on disk (fdatasync). Rejects with SpoolFullError, or what the disk says. */
  append(record: T): Promise<void> {
    const bytes = encodeRecord(record);
    const waiting = this.#pending.reduce((sum, pending) => sum + pending.bytes.length, 0);
    if (this.#bytes + waiting + bytes.length > this.#maxBytes) {
      return Promise.reject(new SpoolFullError("the spool is full"));
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ bytes, resolve, reject });
      this.#writing ??= this.#writePending();
    });
  }

  /** The oldest records, up to `limit`; none when the queue is empty. Not to be called twice at a time. */
  async read(limit: number): Promise<SpoolBatch<T>> {
    for (;;) {
      const segment = this.#segments[0];
      if (segment === undefined) return this.#batch([], []);
      if (this.#offset >= segment.bytes) {
        if (!(await this.#dropFirst())) return this.#batch([], []);
        continue;
      }
      const chunk = await this.#chunk(segment);
      const { records, ends, bytes, damaged } = decodeRecords(chunk, limit);
      this.#damaged += damaged;
      if (records.length > 0) return this.#batch(records as T[], ends);
      // Not one line that can be read: go on behind it.
      if (bytes === 0) this.#damaged++;
      await this.#advance(bytes === 0 ? chunk.length : bytes);
    }
  }

  #batch(records: readonly T[], ends: readonly number[]): SpoolBatch<T> {
    return { records, commit: (count) => this.#advance(ends[count - 1] ?? 0) };
  }

  /** Resolves when everything that was appended before is on disk, or was refused. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** Moves the beginning of the queue, in the first segment. */
  async #advance(bytes: number): Promise<void> {
    this.#offset += bytes;
    this.#bytes -= bytes;
    const segment = this.#segments[0];
    if (segment !== undefined && this.#offset >= segment.bytes && (await this.#dropFirst())) return;
    await this.#saveCursor();
  }

  /** Takes the first segment away, of which nothing is left; false where it is being written to. */
  async #dropFirst(): Promise<boolean> {
    const isLast = this.#segments.length === 1;
    if (isLast && this.#writing !== undefined) return false;
    const segment = this.#segments.shift() as Segment;
    this.#offset = 0;
    const file = isLast ? this.#file : undefined;
    // Before anything is waited for: who appends meanwhile begins a new segment.
    if (isLast) this.#file = undefined;
    await file?.close();
    await this.#saveCursor();
    await unlink(this.#path(segment.number));
    return true;
  }

  async #chunk(segment: Segment): Promise<Buffer> {
    const file = await open(this.#path(segment.number), "r");
    try {
      const buffer = Buffer.alloc(Math.min(READ_BYTES, segment.bytes - this.#offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Writes what waits, together, until nothing waits: one fdatasync serves all that came meanwhile. */
  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#write(Buffer.concat(batch.map(({ bytes }) => bytes)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    let segment = this.#segments.at(-1);
    if (segment === undefined || this.#file === undefined || segment.bytes >= this.#segmentBytes) {
      segment = await this.#newSegment();
    }
    const file = this.#file as FileHandle;
    // Always behind what is safe: a write that failed half way is overwritten.
    await file.write(bytes, 0, bytes.length, segment.bytes);
    await file.datasync();
    segment.bytes += bytes.length;
    this.#bytes += bytes.length;
  }

  async #newSegment(): Promise<Segment> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    const segment = { number: ++this.#lastNumber, bytes: 0 };
    // From here on the cursor must not point beyond it.
    this.#segments.push(segment);
    try {
      this.#file = await open(this.#path(segment.number), "wx", 0o600);
      await syncDirectory(this.#directory);
    } catch (error) {
      this.#segments.pop();
      throw error;
    }
    return segment;
  }

  async #recover(): Promise<void> {
    const cursor = await this.#loadCursor();
    const numbers = (await readdir(this.#directory))
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => Number(name.slice(0, -SUFFIX.length)))
      .filter((number) => Number.isSafeInteger(number))
      .toSorted((one, other) => one - other);
    for (const number of numbers) {
      if (number < cursor.segment) {
        await unlink(this.#path(number));
        continue;
      }
      const bytes = await this.#wholeLines(number);
      this.#segments.push({ number, bytes });
      this.#bytes += bytes;
    }
    // Numbers are never used twice: the cursor may speak of a segment that is gone.
    this.#lastNumber = Math.max(cursor.segment, numbers.at(-1) ?? 0);
    if (this.#segments[0]?.number === cursor.segment) {
      this.#offset = Math.min(cursor.offset, this.#segments[0].bytes);
      this.#bytes -= this.#offset;
    }
  }

  /** A line without an end was never acknowledged: the process died while writing it. */
  async #wholeLines(number: number): Promise<number> {
    const path = this.#path(number);
    const { size } = await stat(path);
    const file = await open(path, "r+");
    try {
      const tail = Buffer.alloc(Math.min(size, READ_BYTES));
      await file.read(tail, 0, tail.length, size - tail.length);
      const bytes = size - tail.length + tail.lastIndexOf(0x0a) + 1;
      if (bytes < size) await file.truncate(bytes);
      return bytes;
    } finally {
      await file.close();
    }
  }

  async #loadCursor(): Promise<{ segment: number; offset: number }> {
    try {
      return JSON.parse(await readFile(join(this.#directory, CURSOR), "utf8")) as { segment: number; offset: number };
    } catch {
      // Without a cursor everything is read again: the stream stores each event once.
      return { segment: 0, offset: 0 };
    }
  }

  async #saveCursor(): Promise<void> {
    const path = join(this.#directory, CURSOR);
    const segment = this.#segments[0]?.number ?? this.#lastNumber + 1;
    await writeFile(`${path}.new`, JSON.stringify({ segment, offset: this.#offset }), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  #path(number: number): string {
    return join(this.#directory, `${String(number).padStart(12, "0")}${SUFFIX}`);
  }
}

function inUse(directory: string): SpoolDirectoryError {
  return new SpoolDirectoryError(
    `radius.spool.directory ${directory} is in use by another gateway: give each gateway a directory of its own, or stop the other one`,
  );
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
