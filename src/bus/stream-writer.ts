/**
 * Publishes into JetStream and waits for its acknowledgements, many at a time: one subscription for all of them and no
 * timer each. The client's own `publish` costs about four times the processor time.
 */
import { type ApiError, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from "@nats-io/transport-node";

/** An acknowledgement that has not come by then is not waited for any longer, after twice this at the latest. */
const TIMEOUT_MS = 5000;

interface Waiter {
  readonly resolve: (seq: number) => void;
  readonly reject: (error: Error) => void;
}

export class StreamWriter {
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #timer: NodeJS.Timeout;
  #last = 0;
  /** By number: those of this interval, and those of the one before, which are given up when it ends. */
  #young = new Map<number, Waiter>();
  #old = new Map<number, Waiter>();

  constructor(
    private readonly connection: NatsConnection,
    timeoutMs = TIMEOUT_MS,
  ) {
    this.#inbox = createInbox(inboxPrefixOf(connection));
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#acknowledged(message);
      },
    });
    this.#timer = setInterval(() => this.#giveUpOld(), timeoutMs).unref();
  }

  /**
   * Resolves with the stream sequence under which the message is stored; of one that the stream knows by its
   * `Nats-Msg-Id`, that of the first. Rejects with JetStreamApiError where the stream refuses it, with JetStreamError where
   * nobody takes it or answers in time: it may be stored nevertheless then.
   */
  publish(subject: string, data: Uint8Array | string | undefined, headers: MsgHdrs): Promise<number> {
    return new Promise((resolve, reject) => {
      const number = ++this.#last;
      this.connection.publish(subject, data, { headers, reply: `${this.#inbox}.${number}` });
      this.#young.set(number, { resolve, reject });
    });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription.unsubscribe();
    this.#giveUpOld();
    this.#giveUpOld();
  }

  #acknowledged(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length + 1));
    const waiter = this.#young.get(number) ?? this.#old.get(number);
    if (waiter === undefined) return;
    this.#young.delete(number);
    this.#old.delete(number);
    const answer = read(message);
    if (typeof answer === "number") waiter.resolve(answer);
    else waiter.reject(answer);
  }

  #giveUpOld(): void {
    for (const { reject } of this.#old.values()) reject(new JetStreamError("no acknowledgement came in time"));
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/** What the connection was made with, and the server lets it subscribe to; the interface does not tell. */
export function inboxPrefixOf(connection: NatsConnection): string | undefined {
  return (connection as { readonly options?: { readonly inboxPrefix?: string } }).options?.inboxPrefix;
}

function read(message: Msg): number | Error {
  // NATS's own answer: nobody subscribes to the subject.
  if (message.headers?.code === 503) return new JetStreamError("no stream takes the subject");
  try {
    const { seq, error } = message.json<{ seq?: number; error?: ApiError }>();
    if (error !== undefined) return new JetStreamApiError(error);
    if (typeof seq === "number") return seq;
  } catch {
    // As good as any other answer that is none.
  }
  return new JetStreamError("an acknowledgement has no sequence");
}
