/**
 * Messages in, in their order: read, put on record, carried out. A batch goes on record with one write, before any of it is
 * carried out. Where an event needs a data key that has not come yet, it and everything behind it waits for the key.
 */
import type { EventMessage } from "../bus/ports.js";
import { EventError } from "../events/errors.js";
import { ERROR_CAUSE } from "../events/types.js";
import { MissingDataKeyError } from "../security/seal/text.js";
import type { AgentTrust } from "../security/trust.js";
import type { SequencedEvent } from "../sessions/rules/context.js";

/** What is done with messages and events one by one. */
export interface EventWorker {
  /** Undefined where the message was refused, and that was said. Throws MissingDataKeyError. */
  read(message: EventMessage, isLastTry: boolean): SequencedEvent | undefined;
  carryOut(event: SequencedEvent, message: EventMessage): void;
}

interface Taken {
  readonly message: EventMessage;
  readonly event: SequencedEvent;
}

interface Batch {
  readonly messages: readonly EventMessage[];
  /** Messages that are done. */
  at: number;
  readonly done: () => void;
}

export class Intake {
  readonly #waiting: Batch[] = [];
  #current: SequencedEvent | undefined;

  constructor(
    private readonly worker: EventWorker,
    private readonly trust: AgentTrust,
  ) {}

  /** What is being carried out, and whether an order in it is on the disk already. */
  get cause(): { readonly event: string; readonly isOnRecord: boolean } | undefined {
    const event = this.#current;
    return event === undefined ? undefined : { event: event.id, isOnRecord: event.li.kind === "plain" };
  }

  /** Carries the messages out, before it returns where that is possible; `done` is called when it is. */
  take(messages: readonly EventMessage[], done: () => void): void {
    const batch: Batch = { messages, at: 0, done };
    if (this.#waiting.length > 0) {
      this.#waiting.push(batch);
      return;
    }
    const missing = this.#work(batch, false);
    if (missing === undefined) return done();
    this.#waiting.push(batch);
    void this.#catchUp(missing);
  }

  async #catchUp(missing: string): Promise<void> {
    let key: string | undefined = missing;
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      if (key !== undefined) await this.trust.fetchKey(key).catch(() => undefined);
      key = this.#work(batch, key !== undefined);
      if (key !== undefined) continue;
      this.#waiting.shift();
      batch.done();
    }
  }

  /** Returns the data key that the batch goes on with; undefined when it is done. `isLastTry`: for its first message. */
  #work(batch: Batch, isLastTry: boolean): string | undefined {
    const taken: Taken[] = [];
    const missing = this.#read(batch, taken, isLastTry);
    const onRecord = this.trust.commit();
    for (const { message, event } of taken) {
      this.#current = onRecord ? event : withoutStart(event);
      this.worker.carryOut(this.#current, message);
    }
    this.#current = undefined;
    this.trust.commit();
    return missing;
  }

  #read(batch: Batch, taken: Taken[], isLastTry: boolean): string | undefined {
    const first = batch.at;
    for (; batch.at < batch.messages.length; batch.at++) {
      const message = batch.messages[batch.at] as EventMessage;
      try {
        const event = this.worker.read(message, isLastTry && batch.at === first);
        if (event !== undefined) taken.push({ message, event });
      } catch (error) {
        if (error instanceof MissingDataKeyError) return error.key;
        throw error;
      }
    }
    return undefined;
  }
}

/** Nothing starts off the record; what runs goes on, and may be stopped. */
function withoutStart(event: SequencedEvent): SequencedEvent {
  if (event.li.kind !== "plain" || event.li.order.action !== "on") return event;
  const message =
    "the audit log cannot be written, and nothing starts off the record: make room on the disk of the node";
  return {
    ...event,
    li: { kind: "refused", problem: new EventError("li", message, ERROR_CAUSE.administrativelyProhibited) },
  };
}
