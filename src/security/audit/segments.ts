/** The files of an audit log: `audit-<sequence of the first entry>.jsonl`, in order. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";

export interface Segment {
  readonly path: string;
  readonly name: string;
  /** Sequence of the first entry that the name promises. */
  readonly first: number;
}

const NAME = /^audit-(\d{12})\.jsonl$/;
/** Far beyond any entry: a file without newlines must not be taken into memory. */
const MAX_LINE_BYTES = 1024 * 1024;

export function segmentName(first: number): string {
  return `audit-${String(first).padStart(12, "0")}.jsonl`;
}

export function listSegments(directory: string): Segment[] {
  return readdirSync(directory)
    .map((name) => ({ name, digits: NAME.exec(name)?.[1] }))
    .filter(({ digits }) => digits !== undefined)
    .map(({ name, digits }) => ({ name, path: join(directory, name), first: Number(digits) }))
    .toSorted((one, other) => one.first - other.first);
}

export interface Line {
  /** Without the newline. */
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** False for a last line that has no newline. */
  readonly ended: boolean;
}

/** A line above the limit ends the reading, as a line that is not ended. */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let newline = bytes.indexOf(0x0a); newline >= 0; newline = bytes.indexOf(0x0a)) {
      yield { bytes: bytes.subarray(0, newline), number: ++number, ended: true };
      bytes = bytes.subarray(newline + 1);
    }
    rest = bytes;
    if (rest.length > MAX_LINE_BYTES) break;
  }
  if (rest.length > 0) yield { bytes: rest, number: ++number, ended: false };
}
