/**
 * Time that the measured core gave to the calling thread and to the kernel's soft interrupt thread of that core. On a
 * quiet machine it is the time on the clock; on a busy one, what other processes had of the core is not in it.
 */
import { readdirSync, readFileSync } from "node:fs";
import koffi from "koffi";

const CLOCK_THREAD_CPUTIME_ID = 3;

let clockGettime: ((clock: number, out: Buffer) => number) | undefined;

function threadTimeMs(): number {
  clockGettime ??= koffi.load("libc.so.6").func("int clock_gettime(int clock, _Out_ uint8_t *out)") as (
    clock: number,
    out: Buffer,
  ) => number;
  const out = Buffer.alloc(16);
  if (clockGettime(CLOCK_THREAD_CPUTIME_ID, out) !== 0) throw new Error("The thread's processor time cannot be read.");
  return Number(out.readBigInt64LE(0)) * 1e3 + Number(out.readBigInt64LE(8)) / 1e6;
}

function pidOfSoftInterrupts(cpu: number): string {
  const wanted = `ksoftirqd/${cpu}`;
  const found = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && nameOf(entry) === wanted);
  if (found === undefined) throw new Error(`The kernel's thread ${wanted} was not found: is /proc mounted?`);
  return found;
}

function nameOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined; // It ended meanwhile.
  }
}

export class CoreClock {
  readonly #schedstat: string;

  constructor(cpu: number) {
    this.#schedstat = `/proc/${pidOfSoftInterrupts(cpu)}/schedstat`;
  }

  /** Milliseconds since some beginning. */
  now(): number {
    const [nanoseconds = "0"] = readFileSync(this.#schedstat, "utf8").split(" ");
    return threadTimeMs() + Number(nanoseconds) / 1e6;
  }
}
