/** Retransmissions (RFC 5080 section 2.2.2): same source, identifier and authenticator get the same answer, and act once. */
import type { Packet } from "../radius/packet.js";
import type { Clock } from "./ports.js";

/** Tens of thousands are kept under load: as few objects as can be. */
interface Entry {
  readonly key: string;
  /** Its 16 bytes, as latin1. */
  readonly authenticator: string;
  reply: Buffer | undefined;
  /** When an answered entry may be forgotten. */
  expires: number;
}

export type Arrival =
  | { readonly kind: "new"; readonly exchange: Exchange }
  /** The same request is being worked on: nothing to do. */
  | { readonly kind: "pending" }
  | { readonly kind: "answered"; readonly reply: Buffer }
  /** More requests are being worked on than may be. */
  | { readonly kind: "full" };

/** One request on its way to an answer. */
export interface Exchange {
  /** Remembers the answer for retransmissions. */
  answer(reply: Buffer): void;
  /** Forgets the request, so that a retransmission starts anew. */
  abandon(): void;
}

export class ReplyCache {
  readonly #entries = new Map<string, Entry>();
  /** Answered entries, in the order in which they expire. */
  readonly #answered: Entry[] = [];
  #swept = 0;

  constructor(
    private readonly clock: Clock,
    /** How long an answer is kept, in milliseconds. */
    private readonly keepMs: number,
    /** Requests and answers that are kept at most. */
    private readonly limit: number,
  ) {}

  /** `source` names the sender down to its port or connection. */
  arrive(source: string, packet: Packet): Arrival {
    this.#sweep();
    const key = `${source} ${packet.identifier}`;
    const authenticator = packet.authenticator.toString("latin1");
    const known = this.#entries.get(key);
    if (known?.authenticator === authenticator) {
      return known.reply === undefined ? { kind: "pending" } : { kind: "answered", reply: known.reply };
    }
    if (known === undefined && this.#entries.size >= this.limit) return { kind: "full" };
    const entry: Entry = { key, authenticator, reply: undefined, expires: Infinity };
    this.#entries.set(key, entry);
    return { kind: "new", exchange: this.#exchange(entry) };
  }

  get size(): number {
    return this.#entries.size;
  }

  #exchange(entry: Entry): Exchange {
    return {
      answer: (reply) => {
        entry.reply = reply;
        entry.expires = this.clock.monotonic() + this.keepMs;
        this.#answered.push(entry);
      },
      abandon: () => this.#forget(entry),
    };
  }

  #forget(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }

  #sweep(): void {
    const now = this.clock.monotonic();
    for (;;) {
      const next = this.#answered[this.#swept];
      if (next === undefined || next.expires > now) break;
      this.#forget(next);
      this.#swept++;
    }
    if (this.#swept > 1024 && this.#swept * 2 > this.#answered.length) {
      this.#answered.splice(0, this.#swept);
      this.#swept = 0;
    }
  }
}
