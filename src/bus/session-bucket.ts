/** Session records in the KV bucket `sessions`: written by compare-and-set, since several agents may serve one NAS. */
import { JetStreamApiError, type JetStreamManager, type StoredMsg } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { headerIn } from "./header-text.js";
import { MarkerPurge } from "./marker-purge.js";
import type { RecordReader, RecordVersion, SessionRecords, Settle, WriteConflicts } from "./ports.js";
import { Revisions } from "./revisions.js";
import { readStream, type StreamMessage } from "./stream-reading.js";
import { StreamWriter } from "./stream-writer.js";
import { isThere, SESSION_BUCKET, SESSION_STREAM, streamIdentity } from "./streams.js";

/** Writes on the way at a time: enough to fill the connection, few enough to bound memory. */
const IN_FLIGHT = 500;
const PREFIX = `$KV.${SESSION_BUCKET}.`;
/** More agents than that do not write one session at the same moment; whoever loses as often tries with the next batch. */
const MAX_ATTEMPTS = 16;
const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE_FOUND = 10037;

/** Records that room is made for in advance, whatever the server says that there are. */
const MAX_EXPECTED = 2_000_000;

const HOUR_MS = 3_600_000;

/** Compare and set: the revision that the key must have. */
const EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence";
const OPERATION = "KV-Operation";
/** Which stream of events the record's sequences are of. */
const STREAM = "Submirror-Stream";
/** Of a marker: stream sequence of the event that removed the record. */
const SEQUENCE = "Submirror-Sequence";
/** Of a marker: no event says that the session ended. */
const UNSAID = "Submirror-Unsaid";

export interface SessionBucketOptions {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly replicas: number;
  /** How long events are kept. */
  readonly maxAgeHours: number;
}

export class SessionBucket implements SessionRecords {
  readonly #writer: StreamWriter;
  readonly #revisions = new Revisions();
  readonly #markers: MarkerPurge;
  #stream = "";
  /** Headers of every record: publishing copies them, and making them anew takes half the time of it. */
  readonly #aboutRecords = headers();

  private constructor(private readonly options: SessionBucketOptions) {
    const { connection, manager, maxAgeHours } = options;
    this.#writer = new StreamWriter(connection);
    this.#markers = new MarkerPurge(manager, PREFIX, maxAgeHours * HOUR_MS);
  }

  /** Makes the bucket where it is not there. The stream of events has to be there. */
  static async open(options: SessionBucketOptions): Promise<SessionBucket> {
    const bucket = new SessionBucket(options);
    await bucket.#make();
    await bucket.followStream();
    return bucket;
  }

  async restore(): Promise<boolean> {
    if (await isThere(this.options.manager, SESSION_STREAM)) return false;
    await this.#make();
    return true;
  }

  /** The stream of events may have been made anew: sequences of another one say nothing. */
  async followStream(): Promise<void> {
    this.#stream = await streamIdentity(this.options.manager);
    this.#aboutRecords.set(STREAM, this.#stream);
  }

  async load(keyPrefixes: readonly string[], reader: RecordReader): Promise<void> {
    // Without a filter, which would name all, the server need not go through a million subjects to count what waits.
    const filters = keyPrefixes.length === 0 ? [undefined] : keyPrefixes.map((prefix) => `${PREFIX}${prefix}>`);
    const { connection, manager } = this.options;
    // The bucket keeps one value a key, so reading its stream in order gives each record once.
    for (const filter of filters) {
      const part = { connection, manager, stream: SESSION_STREAM, filter };
      let isFirst = true;
      await readStream(part, (message) => {
        if (isFirst) this.#expect(Math.min(message.pending + 1, MAX_EXPECTED), reader);
        isFirst = false;
        this.#take(message, reader);
      });
    }
  }

  async write(changes: ReadonlyMap<string, RecordVersion>, settle: Settle): Promise<WriteConflicts> {
    const queue = changes.entries();
    const conflicts = { theirs: 0, ours: 0 };
    const worker = async (): Promise<void> => {
      for (const [key, ours] of queue) {
        const settled = await this.#writeOne(key, ours, settle);
        if (settled !== "undisputed") conflicts[settled] += 1;
      }
    };
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, changes.size) }, worker));
    return conflicts;
  }

  async #make(): Promise<void> {
    const { connection, replicas } = this.options;
    await new Kvm(connection).create(SESSION_BUCKET, { history: 1, replicas });
  }

  /** Removes the markers of records that were removed long ago. To be called every now and then. */
  purgeMarkers(): Promise<number> {
    return this.#markers.purge();
  }

  #expect(records: number, reader: RecordReader): void {
    this.#revisions.reserve(records);
    reader.expect(records);
  }

  #take({ subject, seq, headers: about, data, time }: StreamMessage, reader: RecordReader): void {
    const key = subject.slice(PREFIX.length);
    this.#revisions.set(key, seq);
    const isOfThisStream = this.#isOfThisStream(headerIn(about, STREAM));
    if (headerIn(about, OPERATION) === undefined) return reader.record(key, data, isOfThisStream);
    const isUnsaid = headerIn(about, UNSAID) !== undefined;
    this.#markers.add(key, seq, time, isUnsaid);
    if (isUnsaid && isOfThisStream) reader.ended(key, Number(headerIn(about, SEQUENCE)) || 0);
  }

  /** A time-out may hide a write that was stored: the next attempt finds our own record and lets it be. */
  async #writeOne(key: string, change: RecordVersion, settle: Settle): Promise<"undisputed" | keyof WriteConflicts> {
    let ours = change;
    let settled: "undisputed" | keyof WriteConflicts = "undisputed";
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#publish(key, ours);
        return settled;
      } catch (error) {
        if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
      }
      const theirs = await this.#read(key);
      const agreed = theirs === undefined ? ours : settle(key, ours, theirs);
      if (agreed === undefined) return "theirs";
      ours = agreed;
      settled = "ours";
    }
  }

  async #publish(key: string, { seq, data, isUnsaid = false }: RecordVersion): Promise<void> {
    const about = data === undefined ? this.#aboutMarker(seq, isUnsaid) : this.#aboutRecords;
    about.set(EXPECTED_REVISION, String(this.#revisions.of(key)));
    const revision = await this.#writer.publish(`${PREFIX}${key}`, data, about);
    this.#revisions.set(key, revision);
    if (data === undefined) this.#markers.add(key, revision, Date.now(), isUnsaid);
  }

  #aboutMarker(seq: number, isUnsaid: boolean): MsgHdrs {
    const about = headers();
    about.set(STREAM, this.#stream);
    about.set(OPERATION, "DEL");
    about.set(SEQUENCE, String(seq));
    if (isUnsaid) about.set(UNSAID, "true");
    return about;
  }

  /** What is there now, for the next attempt to compare with; undefined where that says nothing against ours. */
  async #read(key: string): Promise<RecordVersion | undefined> {
    const stored = await this.#last(key);
    this.#revisions.set(key, stored?.seq ?? 0);
    if (stored === undefined || !this.#isOfThisStream(stored.header.get(STREAM))) return undefined;
    if (!stored.header.has(OPERATION)) return { seq: 0, data: stored.data };
    return { seq: Number(stored.header.get(SEQUENCE)) || 0, data: undefined };
  }

  /** Of the leader, not of a replica that may lag. */
  async #last(key: string): Promise<StoredMsg | undefined> {
    try {
      return (
        (await this.options.manager.streams.getMessage(SESSION_STREAM, { last_by_subj: `${PREFIX}${key}` })) ??
        undefined
      );
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === NO_MESSAGE_FOUND) return undefined;
      throw error;
    }
  }

  /** Records of programs that did not say so count as of this one. */
  #isOfThisStream(stream = ""): boolean {
    return stream === "" || stream === this.#stream;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE;
}
