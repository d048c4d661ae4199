/** Tells the streams apart that arrive at a mediation device, writes each to its file, and counts. */
import { basename } from "node:path";
import {
  type HeaderFormat,
  MALFORMED_REASONS,
  type MalformedReason,
  type MirroredDatagram,
  type MirroredDirection,
  parseDatagram,
} from "./datagram.js";
import { StreamFile } from "./stream-file.js";

/** Well-formed packets that did not get into a file, by reason. */
export const UNWRITTEN_REASONS = ["too-many-streams", "disk-behind", "disk-error"] as const;
export type UnwrittenReason = (typeof UNWRITTEN_REASONS)[number];

export interface Count {
  packets: number;
  /** Of the mirrored packets from their IP header on. */
  bytes: number;
}

export interface StreamReport {
  readonly source: string;
  readonly interceptId: number;
  readonly sessionId: number;
  readonly counts: Readonly<Record<MirroredDirection, Readonly<Count>>>;
  /** RFC 3339, UTC. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Name within the output directory. */
  readonly file: string;
}

export interface CollectorReport {
  /** Datagrams that the sockets handed over. */
  readonly received: number;
  readonly malformed: Readonly<Record<MalformedReason, number>>;
  readonly unwritten: Readonly<Record<UnwrittenReason, number>>;
  readonly streams: readonly StreamReport[];
}

export interface CollectorOptions {
  readonly directory: string;
  readonly format: HeaderFormat;
  /** Anyone who reaches the port can invent streams; this many get a file. */
  readonly maxStreams: number;
  /** Bytes that may wait for the disk, over all streams, before packets are left out and counted. */
  readonly maxPendingBytes: number;
}

interface Stream {
  readonly source: string;
  readonly interceptId: number;
  readonly sessionId: number;
  readonly file: StreamFile;
  readonly counts: Record<MirroredDirection, Count>;
  readonly firstSeen: bigint;
  lastSeen: bigint;
}

function zeroes<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}

export class Collector {
  readonly #streams = new Map<string, Stream>();
  readonly #malformed = zeroes(MALFORMED_REASONS);
  readonly #unwritten = zeroes(UNWRITTEN_REASONS);
  /** Packets come in runs of one stream. */
  #last: Stream | undefined;
  #received = 0;
  #diskBehind = false;
  #creationFailure: string | undefined;

  constructor(readonly options: CollectorOptions) {}

  /**
   * Takes one datagram in.
   * @param byPort direction that the receiving port stands for, where the header does not tell
   * @param timeNs nanoseconds since the epoch
   */
  take(datagram: Buffer, source: string, byPort: MirroredDirection, timeNs: bigint): void {
    this.#received++;
    const parsed = parseDatagram(datagram, this.options.format);
    if (typeof parsed === "string") {
      this.#malformed[parsed]++;
      return;
    }
    const stream = this.#streamOf(parsed, source, timeNs);
    if (typeof stream === "string") {
      this.#unwritten[stream]++;
      return;
    }
    const direction = parsed.direction === "unknown" ? byPort : parsed.direction;
    stream.file.add(parsed, direction, timeNs);
    stream.lastSeen = timeNs;
    const count = stream.counts[direction];
    count.packets++;
    count.bytes += parsed.packet.length;
  }

  #streamOf({ interceptId, sessionId }: MirroredDatagram, source: string, timeNs: bigint): Stream | UnwrittenReason {
    const last = this.#last;
    const again = last?.interceptId === interceptId && last.sessionId === sessionId && last.source === source;
    const known = again ? last : this.#streams.get(keyOf(interceptId, sessionId, source));
    const stream = known ?? this.#create(interceptId, sessionId, source, timeNs);
    if (typeof stream === "string") return stream;
    this.#last = stream;
    if (stream.file.error !== undefined) return "disk-error";
    return this.#diskBehind ? "disk-behind" : stream;
  }

  #create(interceptId: number, sessionId: number, source: string, timeNs: bigint): Stream | UnwrittenReason {
    if (this.#streams.size >= this.options.maxStreams) return "too-many-streams";
    const id = `0x${interceptId.toString(16)}_0x${sessionId.toString(16)}`;
    let file: StreamFile;
    try {
      file = new StreamFile(this.options.directory, `${source.replaceAll(/[^0-9a-zA-Z.]/g, "-")}_${id}`, id);
    } catch (error) {
      this.#creationFailure ??= `cannot create a file in ${this.options.directory}: ${(error as Error).message}`;
      return "disk-error";
    }
    const counts = { from: noCount(), to: noCount(), unknown: noCount() };
    const stream = { source, interceptId, sessionId, file, counts, firstSeen: timeNs, lastSeen: timeNs };
    this.#streams.set(keyOf(interceptId, sessionId, source), stream);
    return stream;
  }

  /** To be called a few times a second: hands what has gathered to the disk and looks whether the disk keeps up. */
  flush(): void {
    let pending = 0;
    for (const { file } of this.#streams.values()) {
      file.flush();
      pending += file.pendingBytes;
    }
    this.#diskBehind = pending > this.options.maxPendingBytes;
  }

  report(): CollectorReport {
    return {
      received: this.#received,
      malformed: { ...this.#malformed },
      unwritten: { ...this.#unwritten },
      streams: [...this.#streams.values()].toSorted(bySourceAndIds).map((stream) => ({
        source: stream.source,
        interceptId: stream.interceptId,
        sessionId: stream.sessionId,
        counts: structuredClone(stream.counts),
        firstSeen: time(stream.firstSeen),
        lastSeen: time(stream.lastSeen),
        file: basename(stream.file.path),
      })),
    };
  }

  /** Resolves when all is on the disk; returns what could not be written, one sentence a file. */
  async close(): Promise<string[]> {
    const streams = [...this.#streams.values()];
    await Promise.all(streams.map(({ file }) => file.close()));
    const failures = streams.flatMap(({ file }) =>
      file.error === undefined ? [] : [`cannot write ${file.path}: ${file.error.message}; the file ends early`],
    );
    return this.#creationFailure === undefined ? failures : [this.#creationFailure, ...failures];
  }
}

function keyOf(interceptId: number, sessionId: number, source: string): string {
  return `${interceptId} ${sessionId} ${source}`;
}

function bySourceAndIds(a: Stream, b: Stream): number {
  return a.source.localeCompare(b.source) || a.interceptId - b.interceptId || a.sessionId - b.sessionId;
}

const noCount = (): Count => ({ packets: 0, bytes: 0 });

function time(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
