/** Retransmissions (RFC 5080 section 2.2.2): same source, identifier and authenticator get the same answer, and act once. */
import { AUTHENTICATOR_BYTES, type Packet } from "../radius/packet.js";
import type { Clock } from "./ports.js";
import { ReplyBytes } from "./reply-bytes.js";

export type Arrival =
  | { readonly kind: "new"; readonly exchange: Exchange }
  /** The same request is being worked on: nothing to do. */
  | { readonly kind: "pending" }
  | { readonly kind: "answered"; readonly reply: Buffer }
  /** More requests are being worked on than may be. */
  | { readonly kind: "full" };

/** One request on its way to an answer. Only the first call does anything. */
export interface Exchange {
  /** Remembers the answer for retransmissions. */
  answer(reply: Buffer): void;
  /** Forgets the request, so that a retransmission starts anew. */
  abandon(): void;
}

/** Answers that are forgotten at an arrival, at most: all at once, after a rush, would keep the next request waiting. */
const FORGOTTEN_AT_ONCE = 4;
/** No place: places are numbered from 1. */
const NONE = 0;

/**
 * A hash table of places in typed arrays. Tens of thousands of answers are kept under load: an object for each, or the
 * tables of a Map through which they come and go, are what the garbage collector would spend its time on.
 */
export class ReplyCache {
  readonly #buckets: Int32Array;
  /** The next place of the same bucket. */
  readonly #chains: Int32Array;
  /** The next free place, or the next that expires. */
  readonly #links: Int32Array;
  readonly #identifiers: Uint8Array;
  readonly #authenticators: Uint8Array;
  /** When an answer may be forgotten, on the monotonic clock; Infinity while there is none. */
  readonly #expires: Float64Array;
  readonly #sources: string[] = [""];
  readonly #replies: ReplyBytes;
  #free = NONE;
  #size = 0;
  /** Answered places, in the order in which they expire. */
  #oldest = NONE;
  #newest = NONE;

  constructor(
    private readonly clock: Clock,
    /** How long an answer is kept, in milliseconds. */
    private readonly keepMs: number,
    /** Requests and answers that are kept at most. */
    private readonly limit: number,
  ) {
    // Zeroed memory: what is not used yet takes none.
    const places = limit + 1;
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(places)));
    this.#chains = new Int32Array(places);
    this.#links = new Int32Array(places);
    this.#identifiers = new Uint8Array(places);
    this.#authenticators = new Uint8Array(places * AUTHENTICATOR_BYTES);
    this.#expires = new Float64Array(places);
    this.#replies = new ReplyBytes(places);
  }

  /** `source` names the sender down to its port or connection. */
  arrive(source: string, packet: Packet): Arrival {
    const now = this.clock.monotonic();
    this.#forgetExpired(now);
    const known = this.#find(source, packet);
    if (known !== NONE && (this.#expires[known] as number) > now) {
      const isPending = this.#expires[known] === Infinity;
      return isPending ? { kind: "pending" } : { kind: "answered", reply: this.#replies.get(known) };
    }
    if (this.#size >= this.limit) return { kind: "full" };
    return { kind: "new", exchange: this.#exchange(this.#keep(source, packet)) };
  }

  get size(): number {
    return this.#size;
  }

  #exchange(place: number): Exchange {
    let isOver = false;
    return {
      answer: (reply) => {
        if (!isOver) this.#answer(place, reply);
        isOver = true;
      },
      abandon: () => {
        if (!isOver) this.#forget(place);
        isOver = true;
      },
    };
  }

  #bucketOf(identifier: number, authenticator: Uint8Array, at: number): number {
    const low = (authenticator[at] as number) | ((authenticator[at + 1] as number) << 8);
    const high = (authenticator[at + 2] as number) | ((authenticator[at + 3] as number) << 8);
    // The identifier, too: there are clients whose authenticators are not random.
    return ((low | (high << 16)) ^ Math.imul(identifier, 0x9e3779b1)) & (this.#buckets.length - 1);
  }

  #find(source: string, { identifier, authenticator }: Packet): number {
    let place = this.#buckets[this.#bucketOf(identifier, authenticator, 0)] as number;
    while (place !== NONE && !this.#holds(place, source, identifier, authenticator)) {
      place = this.#chains[place] as number;
    }
    return place;
  }

  #holds(place: number, source: string, identifier: number, authenticator: Uint8Array): boolean {
    if (this.#identifiers[place] !== identifier) return false;
    const at = place * AUTHENTICATOR_BYTES;
    for (let i = 0; i < AUTHENTICATOR_BYTES; i++) {
      if (this.#authenticators[at + i] !== authenticator[i]) return false;
    }
    return this.#sources[place] === source;
  }

  /** The newest comes first in its bucket. */
  #keep(source: string, { identifier, authenticator }: Packet): number {
    const place = this.#freePlace();
    this.#size++;
    this.#identifiers[place] = identifier;
    const at = place * AUTHENTICATOR_BYTES;
    for (let i = 0; i < AUTHENTICATOR_BYTES; i++) this.#authenticators[at + i] = authenticator[i] as number;
    this.#expires[place] = Infinity;
    this.#sources[place] = source;
    const bucket = this.#bucketOf(identifier, authenticator, 0);
    this.#chains[place] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = place;
    return place;
  }

  #freePlace(): number {
    const place = this.#free;
    if (place === NONE) return this.#sources.length;
    this.#free = this.#links[place] as number;
    return place;
  }

  #answer(place: number, reply: Buffer): void {
    this.#replies.set(place, reply);
    this.#expires[place] = this.clock.monotonic() + this.keepMs;
    this.#links[place] = NONE;
    if (this.#newest === NONE) this.#oldest = place;
    else this.#links[this.#newest] = place;
    this.#newest = place;
  }

  #forgetExpired(now: number): void {
    for (let count = 0; count < FORGOTTEN_AT_ONCE; count++) {
      const place = this.#oldest;
      if (place === NONE || (this.#expires[place] as number) > now) return;
      this.#oldest = this.#links[place] as number;
      if (this.#oldest === NONE) this.#newest = NONE;
      this.#forget(place);
    }
  }

  #forget(place: number): void {
    const bucket = this.#bucketOf(
      this.#identifiers[place] as number,
      this.#authenticators,
      place * AUTHENTICATOR_BYTES,
    );
    const next = this.#chains[place] as number;
    let before = this.#buckets[bucket] as number;
    if (before === place) {
      this.#buckets[bucket] = next;
    } else {
      while (this.#chains[before] !== place) before = this.#chains[before] as number;
      this.#chains[before] = next;
    }
    this.#replies.delete(place);
    this.#links[place] = this.#free;
    this.#free = place;
    this.#size--;
  }
}
