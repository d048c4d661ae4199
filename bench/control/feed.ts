/**
 * Fills NATS, in the namespace where it listens: `feed.js URL sessions FIRST COUNT [mirrored]`,
 * `feed.js URL events FIRST COUNT TYPE...` (each type in turn for each subscriber), `feed.js URL drained` (waits until every
 * consumer has taken and acknowledged everything, and says when that was). Writes one line of JSON when it is done.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { EVENT_STREAM, ensureEventStream, SESSION_BUCKET, streamIdentity } from "../../src/bus/streams.js";
import { configSchema } from "../../src/config/schema.js";
import { eventSubject } from "../../src/events/subjects.js";
import type { RadiusEventType } from "../../src/events/types.js";
import { PLAIN_RECORDS } from "../../src/sessions/record-codec.js";
import { event, mirroredSession, NAS, session } from "./subscribers.js";

/** Messages between two waits for the server. */
const FLUSH_EVERY = 10_000;
const POLL_MS = 20;
const STREAM_SETTINGS = configSchema.parse({ node: "bench" }).nats.stream;

async function feed(
  connection: NatsConnection,
  stream: string,
  count: number,
  message: (index: number) => readonly (readonly [subject: string, data: string | Uint8Array])[],
  about?: MsgHdrs,
): Promise<void> {
  const manager = await jetstreamManager(connection);
  const before = (await manager.streams.info(stream)).state.last_seq;
  let sent = 0;
  for (let index = 0; index < count; index++) {
    for (const [subject, data] of message(index)) {
      connection.publish(subject, data, about === undefined ? {} : { headers: about });
      if (++sent % FLUSH_EVERY === 0) await connection.flush();
    }
  }
  await connection.flush();
  while ((await manager.streams.info(stream)).state.last_seq < before + sent) await sleep(POLL_MS);
}

async function feedSessions(connection: NatsConnection, first: number, count: number, mirrored: boolean) {
  await new Kvm(connection).create(SESSION_BUCKET, { history: 1 });
  const manager = await jetstreamManager(connection);
  await ensureEventStream(manager, STREAM_SETTINGS);
  // As an agent writes them.
  const about = headers();
  about.set("Submirror-Stream", await streamIdentity(manager));
  about.set("Nats-Expected-Last-Subject-Sequence", "0");
  const make = mirrored ? mirroredSession : session;
  let bytes = 0;
  const message = (index: number) => {
    const record = make(first + index);
    const key = PLAIN_RECORDS.key(record);
    const data = PLAIN_RECORDS.encode(key, record);
    bytes += data.length;
    return [[`$KV.${SESSION_BUCKET}.${key}`, data]] as const;
  };
  await feed(connection, `KV_${SESSION_BUCKET}`, count, message, about);
  return { sessions: count, bytesEach: Math.round(bytes / count) };
}

async function feedEvents(connection: NatsConnection, first: number, count: number, types: readonly RadiusEventType[]) {
  await ensureEventStream(await jetstreamManager(connection), STREAM_SETTINGS);
  const run = Date.now();
  await feed(connection, EVENT_STREAM, count, (index) =>
    types.map((type, turn) => {
      const made = event(type, first + index, `${run}-${index}-${turn}`, Date.now());
      return [eventSubject(NAS, type), JSON.stringify(made)] as const;
    }),
  );
  return { events: count * types.length };
}

/** Until nothing waits, neither in the stream nor for an acknowledgement. */
async function drained(connection: NatsConnection) {
  const { consumers } = await jetstreamManager(connection);
  for (;;) {
    const all = await consumers.list(EVENT_STREAM).next();
    if (all.length > 0 && all.every((it) => it.num_pending === 0 && it.num_ack_pending === 0)) break;
    await sleep(POLL_MS);
  }
  return { at: Date.now() };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const [servers = "", what = "", first = "0", count = "0", ...rest] = process.argv.slice(2);
const connection = await connect({ servers, maxReconnectAttempts: -1, waitOnFirstConnect: true });
const done =
  what === "sessions"
    ? await feedSessions(connection, Number(first), Number(count), rest.includes("mirrored"))
    : what === "events"
      ? await feedEvents(connection, Number(first), Number(count), rest as RadiusEventType[])
      : await drained(connection);
process.stdout.write(`${JSON.stringify(done)}\n`);
await connection.close();
