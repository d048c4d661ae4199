/** How session records are named and stored. */
import { decodeRecord, encodeRecord, recordKey, recordKeyPrefix } from "./record.js";
import type { Session } from "./session.js";

export interface RecordCodec {
  /** The key `<nas>.<session>` of a record. */
  key(session: Session): string;
  /** What the keys of all sessions of the NAS begin with; ends in '.'. */
  keyPrefix(nas: string): string;
  encode(key: string, session: Session): Uint8Array;
  /** Undefined where the bytes are no record that this program can read. */
  decode(key: string, data: Uint8Array): Session | undefined;
}

/** Legible to whoever reads the bucket. */
export const PLAIN_RECORDS: RecordCodec = {
  key: recordKey,
  keyPrefix: recordKeyPrefix,
  encode: (_key, session) => encodeRecord(session),
  decode: (_key, data) => decodeRecord(data),
};
