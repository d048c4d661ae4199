/** Publishes an event and gathers what agents answer to it. */
import type { EventResult } from "../events/types.js";
import type { StoreOutcome } from "./outbox.js";
import type { Clock, EventBus } from "./ports.js";

export interface AskLimits {
  /** For the first answer. */
  readonly timeoutMs: number;
  /** After the first answer that is not "applied", for the others; within `timeoutMs`. */
  readonly windowMs: number;
}

export interface Answers {
  /** Where the event is; only one that is "stored" can have been seen by anybody. */
  readonly outcome: StoreOutcome;
  readonly results: readonly EventResult[];
}

/**
 * Resolves with the first "applied" in it, or when the window or the time is over, or with what came so far when the
 * event cannot be stored. Never rejects.
 */
export function askAgents(
  eventId: string,
  bus: EventBus,
  /** Never rejects. */
  publish: () => Promise<StoreOutcome>,
  limits: AskLimits,
  clock: Clock,
): Promise<Answers> {
  const abort = new AbortController();
  const end = clock.monotonic() + limits.timeoutMs;
  const results: EventResult[] = [];
  return new Promise((resolve) => {
    let cancel = clock.after(limits.timeoutMs, () => finish("stored"));
    let over = false;
    const finish = (outcome: StoreOutcome) => {
      if (over) return;
      over = true;
      cancel();
      abort.abort();
      resolve({ outcome, results });
    };
    const take = (result: EventResult) => {
      results.push(result);
      if (result.result === "applied") finish("stored");
      else if (results.length === 1) {
        cancel();
        cancel = clock.after(Math.min(limits.windowMs, end - clock.monotonic()), () => finish("stored"));
      }
    };
    // The order is the point: who publishes first can miss the answer.
    void gather(bus, eventId, abort.signal, take);
    void publishOr(publish, finish);
  });
}

async function publishOr(publish: () => Promise<StoreOutcome>, finish: (outcome: StoreOutcome) => void): Promise<void> {
  const outcome = await publish();
  if (outcome !== "stored") finish(outcome);
}

async function gather(
  bus: EventBus,
  id: string,
  signal: AbortSignal,
  take: (result: EventResult) => void,
): Promise<void> {
  try {
    for await (const result of bus.results(id, signal)) {
      if (signal.aborted) return;
      if (result.event === id) take(result);
    }
  } catch {
    // A subscription that ends early is a missing answer, and the time limit handles that.
  }
}
