/** A bus and a log that remember, for tests. */
import type { EventResult, LiInstruction, RadiusEvent } from "../../../src/events/types.js";
import type { EventBus, Log } from "../../../src/gateway/ports.js";

/** What the agents of the test answer to an event; an empty list is no answer. */
export type Agents = (event: RadiusEvent) => readonly Omit<EventResult, "event">[];

export class FakeBus implements EventBus {
  readonly events: RadiusEvent[] = [];
  readonly subscribed: string[] = [];
  /** How long agents take. */
  delayMs = 0;
  agents: Agents = () => [];
  /** While set, nothing is stored. */
  away = false;
  readonly #takers = new Map<string, (result: EventResult) => void>();

  async publish(event: RadiusEvent): Promise<void> {
    if (this.away) throw new Error("no bus");
    if (this.events.some(({ id }) => id === event.id)) return;
    this.events.push(event);
    setTimeout(() => {
      for (const answer of this.agents(event)) this.#takers.get(event.id)?.({ ...answer, event: event.id });
    }, this.delayMs);
  }

  results(eventId: string, signal: AbortSignal): AsyncIterable<EventResult> {
    this.subscribed.push(eventId);
    const waiting: EventResult[] = [];
    let wake: (() => void) | undefined;
    this.#takers.set(eventId, (result) => {
      waiting.push(result);
      wake?.();
    });
    signal.addEventListener("abort", () => {
      this.#takers.delete(eventId);
      wake?.();
    });
    return (async function* () {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    })();
  }

  /** Of the last event, where it was not sealed. */
  get lastInstruction(): LiInstruction | undefined {
    const li = this.events.at(-1)?.data.li;
    return typeof li === "string" ? undefined : li;
  }

  /** Events of a type, without the `radius.` in front. */
  of(type: string): RadiusEvent[] {
    return this.events.filter((event) => event.type === `radius.${type}`);
  }
}

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

export class FakeLog implements Log {
  readonly lines: LogLine[] = [];
  debug = (fields: object, message: string) => void this.lines.push({ level: "debug", fields, message });
  info = (fields: object, message: string) => void this.lines.push({ level: "info", fields, message });
  warn = (fields: object, message: string) => void this.lines.push({ level: "warn", fields, message });
  error = (fields: object, message: string) => void this.lines.push({ level: "error", fields, message });
}
