/** The event id of an accounting record: the same for each retransmission of it, so that it is stored once. */
import { createHash } from "node:crypto";
import { TYPE } from "../radius/codes.js";
import { firstAttribute, type Packet } from "../radius/packet.js";
import { eventIdOf } from "./event-id.js";

/** What a NAS or a proxy may change from one try to the next (RFC 2866 section 5.2). */
const VARYING: ReadonlySet<number> = new Set([TYPE.acctDelayTime, TYPE.proxyState, TYPE.messageAuthenticator]);

/**
 * Time and content: the time is Event-Timestamp where there is one, which a retransmission repeats, else `now`
 * (Unix time in milliseconds) less Acct-Delay-Time, to the second.
 */
export function accountingId(packet: Packet, nas: string, now: number): string {
  const hash = createHash("sha256").update(nas).update("\0");
  for (const { type, value } of packet.attributes) {
    if (!VARYING.has(type)) hash.update(Buffer.of(type, value.length)).update(value);
  }
  return eventIdOf(occurred(packet, now), hash.digest());
}

function occurred(packet: Packet, now: number): number {
  const timestamp = seconds(packet, TYPE.eventTimestamp);
  if (timestamp !== undefined) return timestamp * 1000;
  return Math.max(0, Math.floor(now / 1000) - (seconds(packet, TYPE.acctDelayTime) ?? 0)) * 1000;
}

function seconds(packet: Packet, type: number): number | undefined {
  const value = firstAttribute(packet, type);
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}
