/** One stream's pcapng file. Packets gather in a chunk of memory; chunks go to the disk without anyone waiting. */
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { MirroredDatagram, MirroredDirection } from "./datagram.js";
import { fileHeader, LINKTYPE_RAW, packetBlockLength, writePacket } from "./pcapng.js";

/** Larger than the largest block (a 64 KiB datagram), small enough that thousands of streams fit in memory. */
const CHUNK_BYTES = 256 * 1024;

export class StreamFile {
  readonly path: string;
  /** Set once the file could not be written; what arrives afterwards is refused. */
  error: Error | undefined;
  readonly #stream: WriteStream;
  #chunk: Buffer | undefined;
  #used = 0;

  /** Creates the file, never over one that is there: a second of the same name gets `-2`, and so on. May throw. */
  constructor(directory: string, name: string, interfaceName: string) {
    const { path, fd } = openNew(directory, name);
    this.path = path;
    this.#stream = createWriteStream(path, { fd, highWaterMark: CHUNK_BYTES });
    this.#stream.on("error", (error) => {
      this.error = error;
    });
    this.#stream.write(fileHeader(LINKTYPE_RAW, interfaceName));
  }

  /** Bytes that wait for the disk. */
  get pendingBytes(): number {
    return this.#stream.writableLength;
  }

  add(datagram: MirroredDatagram, direction: MirroredDirection, timeNs: bigint): void {
    const { packet, originalLength } = datagram;
    if (this.#used + packetBlockLength(packet.length, direction) > CHUNK_BYTES) this.flush();
    this.#chunk ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#used = writePacket(this.#chunk, this.#used, packet, originalLength, timeNs, direction);
  }

  /** Hands what has gathered to the disk. An idle stream holds no memory. */
  flush(): void {
    if (this.#chunk === undefined) return;
    this.#stream.write(this.#chunk.subarray(0, this.#used));
    this.#chunk = undefined;
    this.#used = 0;
  }

  /** Resolves when everything is written, or `error` says why not. */
  async close(): Promise<void> {
    this.flush();
    this.#stream.end();
    await finished(this.#stream).catch((error: unknown) => {
      this.error ??= error instanceof Error ? error : new Error(String(error));
    });
  }
}

function openNew(directory: string, name: string): { path: string; fd: number } {
  for (let attempt = 1; ; attempt++) {
    const path = join(directory, attempt === 1 ? `${name}.pcapng` : `${name}-${attempt}.pcapng`);
    try {
      return { path, fd: openSync(path, "wx", 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
