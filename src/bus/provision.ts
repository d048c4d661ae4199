/** Everything on the bus that agents, gateways and authorities need, made by whoever may make it. */
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Config } from "../config/schema.js";
import { AUDIT_STREAM, ensureAuditStream } from "./audit-stream.js";
import { DEAD_LETTER_STREAM, ensureDeadLetterStream } from "./dead-letter-stream.js";
import { GRANT_BUCKET, NatsGrantBucket } from "./grant-bucket.js";
import { SessionBucket } from "./session-bucket.js";
import { EVENT_STREAM, ensureEventStream, SESSION_BUCKET } from "./streams.js";
import { ensureTaskStream, TASK_STREAM } from "./task-stream.js";

/** Makes what is not there. Returns the names of all of it. Throws StreamMismatchError. */
export async function provision(connection: NatsConnection, config: Config): Promise<string[]> {
  const manager = await jetstreamManager(connection);
  const { replicas, maxAgeHours } = config.nats.stream;
  await ensureEventStream(manager, config.nats.stream);
  await ensureTaskStream(manager, { replicas, maxDurationHours: config.security.maxDurationHours });
  await ensureAuditStream(manager, replicas);
  await ensureDeadLetterStream(manager, config.nats.stream);
  await SessionBucket.open({ connection, manager, replicas, maxAgeHours });
  await NatsGrantBucket.open(connection, replicas);
  return [EVENT_STREAM, TASK_STREAM, AUDIT_STREAM, DEAD_LETTER_STREAM, `KV ${SESSION_BUCKET}`, `KV ${GRANT_BUCKET}`];
}
