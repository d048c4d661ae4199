/** The event id of an accounting record: the same for each retransmission of it, so that it is stored once. */
import { createHmac } from "node:crypto";
import type { RadiusAttributes } from "../events/types.js";
import { TYPE } from "../radius/codes.js";
import { firstAttribute, type Packet } from "../radius/packet.js";
import { eventIdOf } from "./event-id.js";

/** What a NAS or a proxy may change from one try to the next (RFC 2866 section 5.2). */
const VARYING_TYPES: ReadonlySet<number> = new Set([TYPE.acctDelayTime, TYPE.proxyState, TYPE.messageAuthenticator]);
const VARYING_NAMES: ReadonlySet<string> = new Set(["Acct-Delay-Time"]);

/** Within this time, the same record without Event-Timestamp is a retransmission; later, it happened again. */
const RETRANSMISSION_MS = 30_000;
const MAX_REMEMBERED = 100_000;

/**
 * Ids from time and content. The time is Event-Timestamp where there is one, which a retransmission repeats, also to
 * another gateway; without it, it is the time of the first try that this gateway saw.
 */
export class AccountingIds {
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #born = 0;

  /**
   * `secret`: what the gateways of one network share and nobody else knows, so that whoever sees an id cannot try which
   * record it is the id of.
   */
  constructor(private readonly secret: Buffer) {}

  /** `now` is Unix time in milliseconds. */
  ofPacket(packet: Packet, nas: string, now: number): string {
    const hash = createHmac("sha256", this.secret).update(nas).update("\0");
    for (const { type, value } of packet.attributes) {
      if (!VARYING_TYPES.has(type)) hash.update(Buffer.of(type, value.length)).update(value);
    }
    const timestamp = firstAttribute(packet, TYPE.eventTimestamp);
    return this.#id(hash.digest(), timestamp?.length === 4 ? timestamp.readUInt32BE(0) * 1000 : undefined, now);
  }

  ofAttributes(attributes: RadiusAttributes, nas: string, now: number): string {
    const entries = Object.entries(attributes)
      .filter(([name]) => !VARYING_NAMES.has(name))
      .toSorted(([one], [other]) => (one < other ? -1 : 1));
    const digest = createHmac("sha256", this.secret)
      .update(JSON.stringify([nas, entries]))
      .digest();
    const timestamp = Date.parse(String(attributes["Event-Timestamp"]));
    return this.#id(digest, Number.isNaN(timestamp) ? undefined : timestamp, now);
  }

  #id(digest: Buffer, timestamp: number | undefined, now: number): string {
    return eventIdOf(timestamp ?? this.#firstSeen(digest.toString("latin1"), now), digest);
  }

  #firstSeen(key: string, now: number): number {
    if (now - this.#born > RETRANSMISSION_MS || this.#young.size >= MAX_REMEMBERED) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#born = now;
    }
    const seen = this.#young.get(key) ?? this.#old.get(key);
    if (seen !== undefined && now - seen < RETRANSMISSION_MS) return seen;
    this.#young.set(key, now);
    return now;
  }
}
