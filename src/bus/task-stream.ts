/** The stream TASKS: orders of authorities, kept as long as any of them may be in force. */
import { DeliverPolicy, DiscardPolicy, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { TASK_SUBJECTS } from "../events/subjects.js";
import { ensureStream } from "./streams.js";

export const TASK_STREAM = "TASKS";

const HOUR_MS = 3_600_000;
/** Beyond the longest warrant, so that its end is never forgotten before its beginning. */
const KEPT_LONGER_MS = 31 * 24 * HOUR_MS;

export interface TaskMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Stream sequence. */
  readonly seq: number;
}

/** Makes the stream where it is not there. Nobody deletes an order over the bus: what is ended may not come back. */
export async function ensureTaskStream(
  manager: JetStreamManager,
  { replicas, maxDurationHours }: { readonly replicas: number; readonly maxDurationHours: number },
): Promise<void> {
  await ensureStream(manager, {
    name: TASK_STREAM,
    subjects: [TASK_SUBJECTS],
    discard: DiscardPolicy.New,
    max_age: nanos(maxDurationHours * HOUR_MS + KEPT_LONGER_MS),
    max_bytes: 1024 ** 3,
    deny_delete: true,
    deny_purge: true,
    num_replicas: replicas,
  });
}

/** Reads the stream from its first message on, in order, for as long as the connection lives. */
export class TaskFollower {
  #stop: () => void = () => undefined;

  constructor(
    private readonly client: JetStreamClient,
    private readonly take: (message: TaskMessage) => void,
  ) {}

  /** Resolves when what the stream held was taken. */
  async start(): Promise<void> {
    const consumer = await this.client.consumers.get(TASK_STREAM, { deliver_policy: DeliverPolicy.All });
    let waiting = (await consumer.info()).num_pending;
    const messages = await consumer.consume();
    this.#stop = () => messages.stop();
    await new Promise<void>((resolve, reject) => {
      if (waiting === 0) resolve();
      const follow = async (): Promise<void> => {
        for await (const { subject, data, seq } of messages) {
          this.take({ subject, data, seq });
          waiting -= 1;
          if (waiting === 0) resolve();
        }
      };
      follow().catch(reject);
    });
  }

  stop(): void {
    this.#stop();
  }
}

/** Every order in the stream, oldest first. */
export async function readTasks(client: JetStreamClient): Promise<TaskMessage[]> {
  const consumer = await client.consumers.get(TASK_STREAM, { deliver_policy: DeliverPolicy.All });
  const found: TaskMessage[] = [];
  if ((await consumer.info()).num_pending === 0) return found;
  for await (const { subject, data, seq, info } of await consumer.consume()) {
    found.push({ subject, data, seq });
    if (info.pending === 0) break;
  }
  return found;
}
