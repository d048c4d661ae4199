/** How the spool writes records: a checksum, a blank, and JSON, one to a line. Pure. */
import { crc32 } from "node:zlib";

const CHECKSUM_DIGITS = 8;
const NEWLINE = 0x0a;

export function encodeRecord(record: unknown): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(CHECKSUM_DIGITS, "0");
}

export interface DecodedRecords {
  readonly records: readonly unknown[];
  /** Where each record ends, damaged lines before it included. */
  readonly ends: readonly number[];
  /** Bytes of the lines that were looked at. */
  readonly bytes: number;
  /** Lines whose checksum does not fit. */
  readonly damaged: number;
}

/** The records of the whole lines in `bytes`, `limit` at most. */
export function decodeRecords(bytes: Buffer, limit: number): DecodedRecords {
  const records: unknown[] = [];
  const ends: number[] = [];
  let offset = 0;
  let damaged = 0;
  while (records.length < limit) {
    const end = bytes.indexOf(NEWLINE, offset);
    if (end === -1) break;
    const record = decodeLine(bytes.toString("utf8", offset, end));
    offset = end + 1;
    if (record === undefined) {
      damaged++;
    } else {
      records.push(record);
      ends.push(offset);
    }
  }
  return { records, ends, bytes: offset, damaged };
}

function decodeLine(line: string): unknown {
  const json = line.slice(CHECKSUM_DIGITS + 1);
  if (line[CHECKSUM_DIGITS] !== " " || checksum(json) !== line.slice(0, CHECKSUM_DIGITS)) return undefined;
  return JSON.parse(json);
}
