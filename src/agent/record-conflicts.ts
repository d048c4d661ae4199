/** Whose record of a session stands, where two agents serve its NAS: the one that has seen more of the stream. */
import type { RecordVersion, Settle } from "../bus/ports.js";
import type { RecordCodec } from "../sessions/record-codec.js";
import { type Session, withChanges } from "../sessions/session.js";

/** Returns what is to be stored in place of `theirs`; undefined where that stays. */
export function settleRecords(codec: RecordCodec): Settle {
  return (key, ours, theirs) => {
    if (theirs.data === undefined) return ours.seq > theirs.seq ? ours : undefined;
    const stored = codec.decode(key, theirs.data);
    // Of no use to anybody who serves the NAS as we do.
    if (stored === undefined) return ours;
    if (ours.seq !== stored.seq) return ours.seq > stored.seq ? ours : undefined;
    // Both have seen the same: what either has ended since, by time or by silence, is over.
    if (ours.data === undefined) return ours;
    const own = codec.decode(key, ours.data);
    return own === undefined ? ours : merged(key, own, stored, codec);
  };
}

function merged(key: string, own: Session, stored: Session, codec: RecordCodec): RecordVersion | undefined {
  const intercepts = own.intercepts.filter((intercept) =>
    stored.intercepts.some((other) => other.key === intercept.key),
  );
  if (intercepts.length === stored.intercepts.length) return undefined;
  return { seq: own.seq, data: codec.encode(key, withChanges(own, { intercepts })) };
}
