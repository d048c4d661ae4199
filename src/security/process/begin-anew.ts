/** The same program in its own place, with the same arguments, environment and process id. */
import { must, processCalls } from "./libc.js";

const F_SETFD = 2;
const YOUNG_OPTION = "--min-semi-space-size";

/**
 * Room for what is young, in MiB, from the start. V8 begins with one and collects a daemon's requests while they wait for
 * the bus, so that they are copied twice and then kept; it would make more room by itself, after hours or never. More than
 * this no longer fits the processor's caches where a thousand requests a second come, as they do to a gateway.
 */
export const YOUNG_MIB = { agent: 16, gateway: 4 } as const;
export type Daemon = keyof typeof YOUNG_MIB;

/** Whether the program was begun with room for what is young, or with an administrator's own choice of it. */
export function hasRoomForTheYoung(options: readonly string[] = process.execArgv): boolean {
  return options.some((option) => option.startsWith(`${YOUNG_OPTION}=`) || option === YOUNG_OPTION);
}

/** What a daemon is begun with beside `options`, its own. */
export function heapOptions(daemon: Daemon, options: readonly string[] = process.execArgv): string[] {
  return hasRoomForTheYoung(options) ? [] : [`${YOUNG_OPTION}=${YOUNG_MIB[daemon]}`];
}

/** Does not return. The program that begins has room for what is young. Throws where the kernel refuses. */
export function beginAnew(daemon: Daemon): never {
  const { execve, fcntl } = processCalls();
  // Node closes its standard streams for programs that it becomes.
  for (const fd of [0, 1, 2]) fcntl(fd, F_SETFD, 0);
  const argv = [process.execPath, ...heapOptions(daemon), ...process.execArgv, ...process.argv.slice(1), null];
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`);
  must("execve", execve(process.execPath, argv, [...environment, null]));
  throw new Error("execve returned");
}
