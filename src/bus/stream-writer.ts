/**
 * Publishes into JetStream and waits for its acknowledgements, many at a time: one subscription for all of them and no
 * timer each. The client's own `publish` costs about four times the processor time.
 */
import { type ApiError, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { WaitingLine } from "./waiting-line.js";

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
  /** The number of each is in the subject of its acknowledgement. */
  readonly #waiting = new WaitingLine<Waiter>();
  /** Those before it were published before this interval, and are given up when it ends. */
  #intervalBegins = 0;

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
      this.connection.publish(subject, data, { headers, reply: `${this.#inbox}.${this.#waiting.next}` });
      this.#waiting.join({ resolve, reject });
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
    const waiter = this.#waiting.leave(number);
    if (waiter === undefined) return;
    const answer = read(message);
    if (typeof answer === "number") waiter.resolve(answer);
    else waiter.reject(answer);
  }

  #giveUpOld(): void {
    const given = this.#waiting.leaveBefore(this.#intervalBegins);
    this.#intervalBegins = this.#waiting.next;
    for (const { reject } of given) reject(new JetStreamError("no acknowledgement came in time"));
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
