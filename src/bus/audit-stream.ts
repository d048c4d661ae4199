/** The stream AUDIT: copies of the audit entries of all agents, which nobody can delete over the bus. */
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { auditSubject } from "../events/subjects.js";
import type { AuditSink } from "../security/audit/copies.js";
import { ensureStream } from "./streams.js";

export const AUDIT_STREAM = "AUDIT";
const AUDIT_SUBJECTS = "submirror.audit.*";
const NOT_FOUND = new Set([10037, 404]);

/** Makes the stream where it is not there. */
export async function ensureAuditStream(manager: JetStreamManager, replicas: number): Promise<void> {
  await ensureStream(manager, {
    name: AUDIT_STREAM,
    subjects: [AUDIT_SUBJECTS],
    // A record that makes room for newer ones is none.
    discard: DiscardPolicy.New,
    deny_delete: true,
    deny_purge: true,
    num_replicas: replicas,
  });
}

export class NatsAuditSink implements AuditSink {
  readonly #client: JetStreamClient;
  readonly #subject: string;

  constructor(
    connection: NatsConnection,
    private readonly manager: JetStreamManager,
    node: string,
  ) {
    this.#client = jetstream(connection);
    this.#subject = auditSubject(node);
  }

  async last(): Promise<number> {
    try {
      const message = await this.manager.streams.getMessage(AUDIT_STREAM, { last_by_subj: this.#subject });
      const { seq } = message?.json<{ seq?: unknown }>() ?? {};
      return typeof seq === "number" && Number.isSafeInteger(seq) ? seq : 0;
    } catch (error) {
      if (error instanceof JetStreamApiError && (NOT_FOUND.has(error.code) || error.status === 404)) return 0;
      throw error;
    }
  }

  async store(line: Uint8Array, id: string): Promise<void> {
    await this.#client.publish(this.#subject, line, { msgID: id });
  }
}

/** Hashes of the copies of a node's entries, by sequence. */
export async function auditCopies(client: JetStreamClient, node: string): Promise<Map<number, string>> {
  const copies = new Map<number, string>();
  const consumer = await client.consumers.get(AUDIT_STREAM, { filter_subjects: auditSubject(node) });
  if ((await consumer.info()).num_pending === 0) return copies;
  for await (const message of await consumer.consume()) {
    const { seq, hash } = copyIn(message.data);
    // The first is the one that left at once; nobody takes it back.
    if (typeof seq === "number" && typeof hash === "string" && !copies.has(seq)) copies.set(seq, hash);
    if (message.info.pending === 0) break;
  }
  return copies;
}

function copyIn(data: Uint8Array): { readonly seq?: unknown; readonly hash?: unknown } {
  try {
    return (JSON.parse(Buffer.from(data).toString("utf8")) ?? {}) as { seq?: unknown; hash?: unknown };
  } catch {
    return {};
  }
}
