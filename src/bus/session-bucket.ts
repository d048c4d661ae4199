/** Session records in the KV bucket `sessions`. */
import { DeliverPolicy, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import type { SessionRecords } from "./ports.js";
import { SESSION_BUCKET } from "./streams.js";

/** Writes on the way at a time: enough to fill the connection, few enough to bound memory. */
const IN_FLIGHT = 500;
const PREFETCH = 5000;
const PREFIX = `$KV.${SESSION_BUCKET}.`;

export class SessionBucket implements SessionRecords {
  readonly #client: JetStreamClient;

  private constructor(connection: NatsConnection) {
    this.#client = jetstream(connection);
  }

  static async open(connection: NatsConnection, replicas: number): Promise<SessionBucket> {
    await new Kvm(connection).create(SESSION_BUCKET, { history: 1, replicas });
    return new SessionBucket(connection);
  }

  async load(keyPrefixes: readonly string[], onRecord: (key: string, data: Uint8Array) => void): Promise<void> {
    const filters = keyPrefixes.length === 0 ? [">"] : keyPrefixes.map((prefix) => `${prefix}>`);
    for (const filter of filters) await this.#loadMatching(filter, onRecord);
  }

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const queue = changes.entries();
    const worker = async (): Promise<void> => {
      for (const [key, data] of queue) await this.#writeOne(key, data);
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, changes.size) }, worker));
  }

  /** The bucket keeps one value a key, so reading its stream in order gives each record once. */
  async #loadMatching(filter: string, onRecord: (key: string, data: Uint8Array) => void): Promise<void> {
    const consumer = await this.#client.consumers.get(`KV_${SESSION_BUCKET}`, {
      filter_subjects: `${PREFIX}${filter}`,
      deliver_policy: DeliverPolicy.LastPerSubject,
    });
    if ((await consumer.info()).num_pending === 0) return;
    const messages = await consumer.consume({ max_messages: PREFETCH });
    for await (const message of messages) {
      if (!message.headers?.has("KV-Operation")) onRecord(message.subject.slice(PREFIX.length), message.data);
      if (message.info.pending === 0) break;
    }
  }

  async #writeOne(key: string, data: Uint8Array | undefined): Promise<void> {
    const subject = `${PREFIX}${key}`;
    if (data !== undefined) {
      await this.#client.publish(subject, data);
      return;
    }
    const deletion = headers();
    deletion.set("KV-Operation", "DEL");
    await this.#client.publish(subject, undefined, { headers: deletion });
  }
}
