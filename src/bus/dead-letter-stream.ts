/** The stream DEADLETTERS: events that an agent could not take, with the reason, for whoever looks after the publishers. */
import { DiscardPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { DEAD_LETTER_SUBJECTS } from "../events/subjects.js";
import { ensureStream } from "./streams.js";

export const DEAD_LETTER_STREAM = "DEADLETTERS";

const HOUR_MS = 3_600_000;
/** A publisher that does nothing right fills this and no more; the oldest go first. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Makes the stream where it is not there. Letters are kept as long as events are. */
export async function ensureDeadLetterStream(
  manager: JetStreamManager,
  { replicas, maxAgeHours }: { readonly replicas: number; readonly maxAgeHours: number },
): Promise<void> {
  await ensureStream(manager, {
    name: DEAD_LETTER_STREAM,
    subjects: [DEAD_LETTER_SUBJECTS],
    discard: DiscardPolicy.Old,
    max_age: nanos(maxAgeHours * HOUR_MS),
    max_bytes: MAX_BYTES,
    num_replicas: replicas,
  });
}
