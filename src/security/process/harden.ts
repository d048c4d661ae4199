/** What keeps the contents of the process to itself: no core dump, no debugger of another program, files for the owner alone. */
import { must, processCalls } from "./libc.js";

const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;

export function hardenProcess(): void {
  const { prctl, setrlimit } = processCalls();
  must("prctl(PR_SET_DUMPABLE)", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  must("setrlimit(RLIMIT_CORE)", setrlimit(RLIMIT_CORE, Buffer.alloc(16)));
  process.umask(0o077);
}
