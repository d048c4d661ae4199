/** `submirror mediation`: a reference mediation device. Sockets, clock, signals and files around the collector. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { Collector } from "./collector.js";
import type { HeaderFormat } from "./datagram.js";
import { formatListenAddress, type ListenAddress, ListenError, type OpenSocket, openSocket } from "./listen.js";
import { formatReport, type MediationReport } from "./report.js";
import { readSocketDrops } from "./socket-drops.js";

export interface MediationOptions {
  readonly listen: readonly ListenAddress[];
  /** Directory of the pcapng files; created when it is not there, in a directory that is. */
  readonly out: string;
  readonly format: HeaderFormat;
  /** Reports as one JSON object a line in place of a table. */
  readonly json: boolean;
  /** Seconds between reports; absent: at the end and on SIGUSR1 only. */
  readonly interval?: number;
  /** Asked of the kernel for each socket, bytes. */
  readonly receiveBuffer: number;
  readonly maxStreams: number;
  /** Bytes that may wait for the disk. */
  readonly maxPending: number;
}

/** The process around: where words go, and what ends the run. */
export interface MediationIo {
  readonly print: (text: string) => void;
  readonly warn: (sentence: string) => void;
  readonly stop: AbortSignal;
}

const FLUSH_MS = 200;

/**
 * Receives until `io.stop`. Resolves to the exit code: 0, or 1 where packets that arrived are not in a file.
 * Throws ListenError where it cannot begin.
 */
export async function runMediation(options: MediationOptions, io: MediationIo): Promise<number> {
  makeDirectory(options.out);
  const collector = new Collector({
    directory: options.out,
    format: options.format,
    maxStreams: options.maxStreams,
    maxPendingBytes: options.maxPending,
  });
  const sockets = await openAll(options, io, collector);
  const report = (): void => {
    const now: MediationReport = { ...collector.report(), kernelDrops: readSocketDrops(options.listen) ?? null };
    io.print(options.json ? `${JSON.stringify(now)}\n` : formatReport(now));
  };
  const timers = [setInterval(() => collector.flush(), FLUSH_MS)];
  if (options.interval !== undefined) timers.push(setInterval(report, options.interval * 1000));
  process.on("SIGUSR1", report);
  io.warn(`listening on ${options.listen.map(formatListenAddress).join(", ")}`);

  await new Promise<void>((resolve) => {
    if (io.stop.aborted) resolve();
    else io.stop.addEventListener("abort", () => resolve(), { once: true });
  });

  process.off("SIGUSR1", report);
  for (const timer of timers) clearInterval(timer);
  await drained(sockets, collector);
  // Before the sockets close: the kernel forgets their drops with them.
  report();
  for (const { socket } of sockets) socket.close();
  const failures = await collector.close();
  for (const failure of failures) io.warn(failure);
  const { unwritten } = collector.report();
  return failures.length === 0 && Object.values(unwritten).every((count) => count === 0) ? 0 : 1;
}

function makeDirectory(path: string): void {
  try {
    // Not its parents too: a mistyped path should be an error, not a tree of directories.
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ListenError(`cannot write into the output directory ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function openAll(options: MediationOptions, io: MediationIo, collector: Collector): Promise<OpenSocket[]> {
  const clock = wallClock();
  const sockets: OpenSocket[] = [];
  try {
    for (const listen of options.listen) {
      const open = await openSocket(listen, options.receiveBuffer);
      sockets.push(open);
      open.socket.on("message", (datagram, { address }) => {
        collector.take(datagram, address, listen.direction, clock());
      });
      open.socket.on("error", (error) => io.warn(`${formatListenAddress(listen)}: ${error.message}`));
    }
  } catch (error) {
    for (const { socket } of sockets) socket.close();
    throw error;
  }
  const smallest = Math.min(...sockets.map(({ receiveBufferBytes }) => receiveBufferBytes));
  if (smallest < options.receiveBuffer) {
    io.warn(
      `the kernel gave a receive buffer of ${smallest} bytes in place of ${options.receiveBuffer}; ` +
        `raise it before the next start: sysctl -w net.core.rmem_max=${options.receiveBuffer}`,
    );
  }
  return sockets;
}

/** Takes in what the kernel still holds for us: until a whole turn of the event loop brings nothing. */
async function drained(sockets: readonly OpenSocket[], collector: Collector): Promise<void> {
  if (sockets.length === 0) return;
  for (let before = -1, quiet = 0; quiet < 3; ) {
    const { received } = collector.report();
    quiet = received === before ? quiet + 1 : 0;
    before = received;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Nanoseconds since the epoch, never backwards between two steps of the wall clock. */
function wallClock(): () => bigint {
  const offset = (): bigint => BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  let current = offset();
  // Follows a clock that is stepped or slewed, without asking it for every packet.
  setInterval(() => {
    const now = offset();
    const difference = now - current;
    if (difference > 2_000_000n || difference < -2_000_000n) current = now;
  }, 1000).unref();
  return () => process.hrtime.bigint() + current;
}
