/** On what the figures were measured; nothing that names a host. */
import { cpus, release } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** ISO 8601. */
  readonly date: string;
}

/** "6.18.44" of "6.18.44-fc-v657": the rest may name whoever built it. */
function kernelVersion(): string {
  return /^\d+(\.\d+)*/.exec(release())?.[0] ?? release();
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    kernel: `Linux ${kernelVersion()}`,
    date: new Date().toISOString(),
  };
}
