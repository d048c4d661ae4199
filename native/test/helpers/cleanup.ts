/** What a test sets up on the machine goes again however the process ends, save by SIGKILL. */

const pending = new Set<() => void>();

process.on("exit", () => {
  for (const undo of [...pending].toReversed()) undo();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

/** Runs `undo` once: when the function returned is called, or when the process ends. */
export function atExit(undo: () => void): () => void {
  const once = (): void => {
    if (pending.delete(once)) undo();
  };
  pending.add(once);
  return once;
}
