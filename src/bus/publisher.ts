/** The gateway's side of the bus: events in, the agents' answers back. */
import { headers, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { isObject } from "../events/parse.js";
import { eventSubject, RESULT_SUBJECTS, resultSubjectEventId } from "../events/subjects.js";
import {
  ERROR_CAUSE,
  type ErrorCause,
  type EventResult,
  type PublishedEvent,
  type RadiusEventType,
  type ResultKind,
} from "../events/types.js";
import { AsyncQueue } from "./async-queue.js";
import { StreamWriter } from "./stream-writer.js";

const RESULT_KINDS: readonly ResultKind[] = ["applied", "noop", "stopped", "unknown-session", "rejected"];
const ERROR_CAUSES: readonly ErrorCause[] = Object.values(ERROR_CAUSE);

export class EventPublisher {
  readonly #writer: StreamWriter;
  readonly #subscription: Subscription;
  readonly #waiting = new Map<string, AsyncQueue<EventResult>>();

  constructor(connection: NatsConnection) {
    this.#writer = new StreamWriter(connection);
    // One subscription for all: it is there before any event is published.
    this.#subscription = connection.subscribe(RESULT_SUBJECTS, {
      callback: (error, message) => {
        if (error === null) this.#deliver(resultSubjectEventId(message.subject), message.data);
      },
    });
  }

  /** Resolves when JetStream has stored the event; one of the same id is stored once. Rejects where it could not. */
  async publish(event: PublishedEvent): Promise<void> {
    const type = event.type.slice("radius.".length) as RadiusEventType;
    const about = headers();
    about.set("Nats-Msg-Id", event.id);
    await this.#writer.publish(eventSubject(event.data.nas, type), JSON.stringify(event), about);
  }

  /** The agents' answers from this call on, until `signal` ends them. Call it before `publish`. */
  results(eventId: string, signal: AbortSignal): AsyncIterable<EventResult> {
    const queue = new AsyncQueue<EventResult>(() => {
      if (this.#waiting.get(eventId) === queue) this.#waiting.delete(eventId);
    });
    this.#waiting.set(eventId, queue);
    if (signal.aborted) queue.end();
    else signal.addEventListener("abort", () => queue.end(), { once: true });
    return queue;
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#writer.close();
    this.#waiting.forEach((queue) => queue.end());
  }

  #deliver(eventId: string, data: Uint8Array): void {
    const queue = this.#waiting.get(eventId);
    if (queue === undefined) return;
    const result = parseResult(data);
    if (result?.event === eventId) queue.push(result);
  }
}

/** Undefined where the message is no result. */
export function parseResult(data: Uint8Array): EventResult | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value.node !== "string" || typeof value.event !== "string") return undefined;
  const result = RESULT_KINDS.find((kind) => kind === value.result);
  if (result === undefined) return undefined;
  const errorCause = ERROR_CAUSES.find((cause) => cause === value.errorCause);
  return {
    node: value.node,
    event: value.event,
    result,
    ...(errorCause !== undefined && { errorCause }),
    ...(typeof value.detail === "string" && { detail: value.detail }),
  };
}
