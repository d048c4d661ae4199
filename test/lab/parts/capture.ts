/** Capturing on an interface of the lab, with the proof that the kernel dropped nothing on the way to the file. */
import type { Daemon } from "./daemon.js";
import { LabError } from "./errors.js";
import type { Namespace } from "./namespace.js";
import { until } from "./poll.js";

export interface CaptureOptions {
  /** Bytes of each packet that are kept. Absent: all. */
  readonly snapLength?: number;
  /** Ring between the kernel and the file, MiB. */
  readonly bufferMebibytes?: number;
}

export interface CaptureCounts {
  readonly captured: number;
  readonly received: number;
  readonly dropped: number;
}

export class Capture {
  private constructor(
    readonly file: string,
    readonly daemon: Daemon,
  ) {}

  /**
   * Resolves when the capture runs: what passes from now on, in either direction, is in the file. There is no filter:
   * with one, tcpdump drops the first packet that fits it.
   */
  static async start(
    namespace: Namespace,
    device: string,
    file: string,
    options: CaptureOptions = {},
  ): Promise<Capture> {
    const { snapLength = 65_535, bufferMebibytes = 64 } = options;
    const argv = ["tcpdump", "-n", "-Z", "root", "-i", device, "-w", file, "--time-stamp-precision=nano"];
    // Immediate: hands packets over one by one; nothing stays behind in a half-filled block.
    argv.push("--immediate-mode", "-B", `${bufferMebibytes * 1024}`, "-s", `${snapLength}`);
    const daemon = namespace.start(`tcpdump-${device}`, argv);
    await daemon.ready("the capture", () => daemon.stderr().includes("listening on"));
    return new Capture(file, daemon);
  }

  /** Waits until all that the interface carried is taken in, ends, and throws LabError where something was dropped. */
  async stop(): Promise<CaptureCounts> {
    const caughtUp = async (): Promise<boolean> => missing(await this.#counts()) <= 0;
    await until(caughtUp, { what: `the capture into ${this.file} to catch up`, everyMs: 50 });
    await this.daemon.stop("SIGINT");
    const counts = lastCounts(this.daemon.stderr());
    if (counts === undefined) throw new LabError(`tcpdump did not say what it captured: ${this.daemon.stderr()}`);
    if (counts.dropped !== 0 || missing(counts) !== 0) {
      throw new LabError(
        `the capture into ${this.file} is not complete: ${JSON.stringify(counts)}; use a larger buffer`,
      );
    }
    return counts;
  }

  /** tcpdump answers SIGUSR1 with its counters so far. */
  async #counts(): Promise<CaptureCounts> {
    const before = this.daemon.stderr().length;
    this.daemon.signal("SIGUSR1");
    return this.daemon.ready("counters", () => lastCounts(this.daemon.stderr().slice(before)));
  }
}

/** Packets that the kernel has for tcpdump and that are not in the file yet. */
function missing({ received, captured, dropped }: CaptureCounts): number {
  return received - captured - dropped;
}

/** Reads tcpdump's counters, in either of the two layouts that it prints; undefined while they are not complete. */
export function lastCounts(words: string): CaptureCounts | undefined {
  const last = (pattern: RegExp): number | undefined => {
    const found = [...words.matchAll(pattern)].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const captured = last(/(\d+) packets? captured/g);
  const received = last(/(\d+) packets? received by filter/g);
  const dropped = last(/(\d+) packets? dropped by kernel/g);
  if (captured === undefined || received === undefined || dropped === undefined) return undefined;
  return { captured, received, dropped };
}
