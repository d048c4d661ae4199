/** The stream AUDIT: copies of the audit entries of all agents, which nobody can delete over the bus. */
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  RetentionPolicy,
  StorageType,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { auditSubject } from "../events/subjects.js";
import type { AuditSink } from "../security/audit/copies.js";

export const AUDIT_STREAM = "AUDIT";
const AUDIT_SUBJECTS = "submirror.audit.*";
const NOT_FOUND = new Set([10037, 404]);

/** Makes the stream where it is not there. */
export async function ensureAuditStream(manager: JetStreamManager, replicas: number): Promise<void> {
  try {
    await manager.streams.info(AUDIT_STREAM);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    await manager.streams.add({
      name: AUDIT_STREAM,
      subjects: [AUDIT_SUBJECTS],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      // A record that makes room for newer ones is none.
      discard: DiscardPolicy.New,
      deny_delete: true,
      deny_purge: true,
      num_replicas: replicas,
    });
  }
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
