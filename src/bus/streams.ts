/** The stream of events and the bucket of sessions: made where they are not there, checked where they are. */

import { setTimeout as delay } from "node:timers/promises";
import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Config } from "../config/schema.js";
import { RADIUS_SUBJECTS } from "../events/subjects.js";

export const EVENT_STREAM = "RADIUS";
export const SESSION_BUCKET = "sessions";
/** The bucket's stream. */
export const SESSION_STREAM = `KV_${SESSION_BUCKET}`;

type StreamSettings = Config["nats"]["stream"];

const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const INSUFFICIENT_STORAGE = 10047;
/** "no suitable peers", "temporarily unavailable", "not ready": JetStream is about to come up. */
const NOT_READY: ReadonlySet<number> = new Set([10005, 10008, 10023, 10074]);

/** The stream is there but made in a way that would lose events, or cannot be made. The message says what to change. */
/** A stream that is kept on disk until its limits, and what it is besides. */
export type StreamWanted = Parameters<JetStreamManager["streams"]["add"]>[0];

export class StreamMismatchError extends Error {
  override readonly name = "StreamMismatchError";
}

/**
 * Makes the stream of events where it is not there. Returns what differs from the configuration where it is, a sentence
 * each: it works so, but not as configured. Throws StreamMismatchError.
 */
export async function ensureEventStream(manager: JetStreamManager, settings: StreamSettings): Promise<string[]> {
  const existing = await findStream(manager, EVENT_STREAM);
  if (existing !== undefined) {
    checkStream(existing);
    return differences(existing, settings);
  }
  const wanted = {
    name: EVENT_STREAM,
    subjects: [RADIUS_SUBJECTS],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    ...limitsOf(settings),
  };
  await withRoom(EVENT_STREAM, () => manager.streams.add(wanted), "nats.stream.maxBytes");
  return [];
}

/** Which of the streams, buckets' ones too, have another number of copies than is configured; a sentence each. */
export async function replicaDifferences(
  manager: JetStreamManager,
  streams: readonly string[],
  replicas: number,
): Promise<string[]> {
  const found: string[] = [];
  for (const name of streams) {
    const { num_replicas: there } = (await manager.streams.info(name)).config;
    if (there === replicas) continue;
    found.push(
      `the stream ${name} has num_replicas ${there}, nats.stream.replicas means ${replicas}: change it with nats stream edit ${name} --replicas ${replicas}, or the configuration`,
    );
  }
  return found;
}

export async function isThere(manager: JetStreamManager, stream: string): Promise<boolean> {
  return (await findStream(manager, stream)) !== undefined;
}

/** Makes the stream where it is not there; one that is there is left as it is. Throws StreamMismatchError for want of room. */
export async function ensureStream(manager: JetStreamManager, wanted: StreamWanted): Promise<void> {
  if (await isThere(manager, wanted.name)) return;
  await withRoom(wanted.name, () =>
    manager.streams.add({ retention: RetentionPolicy.Limits, storage: StorageType.File, ...wanted }),
  );
}

/** Tells a stream of events from one that was made anew under its name. */
export async function streamIdentity(manager: JetStreamManager): Promise<string> {
  return (await manager.streams.info(EVENT_STREAM)).created;
}

export interface ConsumerPlace {
  readonly durable: string;
  readonly filter: string;
  /** Tells the program that reads from others that would under the same name. */
  readonly owner: string;
}

/** The consumer of that name starts anew behind `after`, or at the stream's first message with 0. */
export async function recreateConsumer(
  manager: JetStreamManager,
  { durable, filter, owner }: ConsumerPlace,
  after: number,
): Promise<ConsumerInfo> {
  await manager.consumers.delete(EVENT_STREAM, durable).catch((error: unknown) => {
    if (!hasCode(error, CONSUMER_NOT_FOUND)) throw error;
  });
  return await manager.consumers.add(EVENT_STREAM, {
    durable_name: durable,
    description: owner,
    filter_subject: filter,
    // One acknowledgement a batch covers all before it.
    ack_policy: AckPolicy.All,
    ack_wait: nanos(60_000),
    // While session records cannot be stored, events still have to be carried out.
    max_ack_pending: -1,
    ...(after > 0
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }
      : { deliver_policy: DeliverPolicy.All }),
  });
}

/** Stream sequence up to which the consumer has acknowledged; undefined where there is no such consumer. */
export async function acknowledgedUpTo(manager: JetStreamManager, durable: string): Promise<number | undefined> {
  try {
    return (await manager.consumers.info(EVENT_STREAM, durable)).ack_floor.stream_seq;
  } catch (error) {
    if (hasCode(error, CONSUMER_NOT_FOUND)) return undefined;
    throw error;
  }
}

/** Sequence of the stream's last message, 0 where there was none. */
export async function lastSequence(manager: JetStreamManager): Promise<number> {
  return (await manager.streams.info(EVENT_STREAM)).state.last_seq;
}

/** Whether another program reads under the name by now. */
export async function isTakenOver(manager: JetStreamManager, { durable, owner }: ConsumerPlace): Promise<boolean> {
  try {
    return (await manager.consumers.info(EVENT_STREAM, durable)).config.description !== owner;
  } catch (error) {
    if (hasCode(error, CONSUMER_NOT_FOUND) || hasCode(error, STREAM_NOT_FOUND)) return false;
    throw error;
  }
}

/** What `make` does, with the remedy where the server has no room for as much as the stream may come to hold. */
export async function withRoom(
  stream: string,
  make: () => Promise<unknown>,
  /** What of the configuration asks for so much. */
  setting?: string,
): Promise<void> {
  try {
    await make();
  } catch (error) {
    if (!hasCode(error, INSUFFICIENT_STORAGE)) throw error;
    const remedy = setting === undefined ? "" : `, or make ${setting} smaller`;
    throw new StreamMismatchError(
      `NATS has no room for the stream ${stream}: give it a larger disk (jetstream.max_file_store)${remedy}`,
    );
  }
}

/** Runs `action` until JetStream is ready to answer; any other error is thrown. */
export async function whenReady<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (signal.aborted || !isNotReady(error)) throw error;
      await delay(250, undefined, { signal });
    }
  }
}

async function findStream(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (hasCode(error, STREAM_NOT_FOUND)) return undefined;
    throw error;
  }
}

function checkStream({ config }: StreamInfo): void {
  if (!config.subjects.some((subject) => subject === RADIUS_SUBJECTS || subject === ">")) {
    throw new StreamMismatchError(
      `the stream ${EVENT_STREAM} takes other subjects than ${RADIUS_SUBJECTS}: add it with nats stream edit, or remove the stream`,
    );
  }
  if (config.retention !== RetentionPolicy.Limits) {
    throw new StreamMismatchError(
      `the stream ${EVENT_STREAM} has retention ${config.retention}, but several agents read it: make it anew with retention limits`,
    );
  }
}

function limitsOf(settings: StreamSettings) {
  const maxAgeMs = settings.maxAgeHours * 3_600_000;
  return {
    max_age: nanos(maxAgeMs),
    max_bytes: settings.maxBytes,
    duplicate_window: nanos(Math.min(settings.duplicateWindowSeconds * 1000, maxAgeMs)),
    num_replicas: settings.replicas,
  };
}

const SETTING_OF = {
  max_age: ["maxAgeHours", "--max-age"],
  max_bytes: ["maxBytes", "--max-bytes"],
  duplicate_window: ["duplicateWindowSeconds", "--dupe-window"],
  num_replicas: ["replicas", "--replicas"],
} as const;

/** Durations in nanoseconds, as the server has them. */
function differences({ config }: StreamInfo, settings: StreamSettings): string[] {
  const wanted = limitsOf(settings);
  return (Object.keys(SETTING_OF) as (keyof typeof SETTING_OF)[])
    .filter((field) => config[field] !== wanted[field])
    .map((field) => {
      const [setting, option] = SETTING_OF[field];
      const values = `${field} ${config[field]}, nats.stream.${setting} means ${wanted[field]}`;
      return `the stream ${EVENT_STREAM} has ${values}: change it with nats stream edit ${EVENT_STREAM} ${option}, or the configuration`;
    });
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** Also when nobody answers the API's subjects yet, or answers too late. */
function isNotReady(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return NOT_READY.has(error.code) || error.status === 503;
  return (
    error instanceof Error &&
    /timeout|no responders|jetstream.*not (?:enabled|available)/i.test(`${error.name} ${error.message}`)
  );
}
