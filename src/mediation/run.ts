/** `submirror mediation`: a reference mediation device. Sockets, clock, signals and files around the collector. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { BatchSocket } from "./batch-socket.js";
import { Collector } from "./collector.js";
import type { HeaderFormat } from "./datagram.js";
import { formatListenAddress, type ListenAddress, ListenError, openSocket } from "./listen.js";
import { formatReport, type MediationReport } from "./report.js";

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
/** How long arrivals may wait in the receive buffer. Their times are the kernel's. */
const POLL_MS = 4;
/** Batches a socket in a row, before timers and signals get their turn. */
const BATCHES_A_TURN = 32;

/** A socket, and what the port that it has says of directions. */
interface Inlet {
  readonly socket: BatchSocket;
  readonly listen: ListenAddress;
}

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
  const inlets = openAll(options, io);
  const report = (): void => {
    const kernelDrops = inlets.reduce((sum, { socket }) => sum + socket.drops, 0);
    const now: MediationReport = { ...collector.report(), kernelDrops };
    io.print(options.json ? `${JSON.stringify(now)}\n` : formatReport(now));
  };
  const timers = [setInterval(() => collector.flush(), FLUSH_MS)];
  if (options.interval !== undefined) timers.push(setInterval(report, options.interval * 1000));
  process.on("SIGUSR1", report);
  io.warn(`listening on ${options.listen.map(formatListenAddress).join(", ")}`);

  while (!io.stop.aborted) await (drain(inlets, collector) ? nextTurn() : sleep(POLL_MS));

  process.off("SIGUSR1", report);
  for (const timer of timers) clearInterval(timer);
  // What arrived before the end was asked for counts.
  while (drain(inlets, collector));
  // Before the sockets close: the kernel forgets their drops with them.
  report();
  for (const { socket } of inlets) socket.close();
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

function openAll(options: MediationOptions, io: MediationIo): Inlet[] {
  const inlets: Inlet[] = [];
  try {
    for (const listen of options.listen) inlets.push({ socket: openSocket(listen, options.receiveBuffer), listen });
  } catch (error) {
    for (const { socket } of inlets) socket.close();
    throw error;
  }
  const smallest = Math.min(...inlets.map(({ socket }) => socket.receiveBufferBytes));
  if (smallest < options.receiveBuffer) {
    io.warn(
      `the kernel gave a receive buffer of ${smallest} bytes in place of ${options.receiveBuffer}: run with ` +
        `CAP_NET_ADMIN, or raise the limit before the next start: sysctl -w net.core.rmem_max=${options.receiveBuffer}`,
    );
  }
  return inlets;
}

/** Takes in what has arrived, for as long as one turn may last. False where nothing had. */
function drain(inlets: readonly Inlet[], collector: Collector): boolean {
  let received = 0;
  for (const { socket, listen } of inlets) {
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) {
      const count = socket.receive((datagram, source, timeNs) => {
        collector.take(datagram, source, listen.direction, timeNs);
      });
      received += count;
      if (count === 0) break;
    }
  }
  return received > 0;
}
