/** Session records that only agents can read, make, or tell apart: sealed, under names that tell nothing of the session. */
import { decodeRecord, encodeRecord, recordKey, recordKeyPrefix } from "../../sessions/record.js";
import type { RecordCodec } from "../../sessions/record-codec.js";
import type { Session } from "../../sessions/session.js";
import type { AgentKeys } from "../grants/agent-keys.js";

export class SealedRecords implements RecordCodec {
  constructor(private readonly keys: AgentKeys) {}

  key(session: Session): string {
    return this.keyPrefix(session.nas) + this.keys.index.blind(recordKey(session));
  }

  keyPrefix(nas: string): string {
    return recordKeyPrefix(nas);
  }

  encode(key: string, session: Session): Uint8Array {
    return this.keys.current("records").seal(encodeRecord(session), contextOf(key));
  }

  /** Bound to its key: a record that was copied to another one is none. */
  decode(key: string, data: Uint8Array): Session | undefined {
    const opened = this.keys.keyring.open(data, "records", contextOf(key));
    return opened.kind === "opened" ? decodeRecord(opened.plain) : undefined;
  }
}

function contextOf(key: string): string {
  return JSON.stringify(["record", key]);
}
