/** Which upstream server issued a State (RFC 2865 section 5.24): an EAP conversation goes on where it began. */
import type { Clock } from "./ports.js";
import type { Upstream } from "./upstream.js";

/** A State is known for this long at least, and twice as long at most. */
const GENERATION_MS = 60_000;
const MAX_STATES = 50_000;

export class StickyStates {
  #young = new Map<string, Upstream>();
  #old = new Map<string, Upstream>();
  #born = 0;

  constructor(private readonly clock: Clock) {}

  remember(state: Buffer, upstream: Upstream): void {
    const now = this.clock.monotonic();
    if (now - this.#born > GENERATION_MS || this.#young.size >= MAX_STATES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#born = now;
    }
    this.#young.set(state.toString("latin1"), upstream);
  }

  find(state: Buffer): Upstream | undefined {
    const key = state.toString("latin1");
    return this.#young.get(key) ?? this.#old.get(key);
  }
}
