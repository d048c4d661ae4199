/** Resolves at the first SIGTERM or SIGINT. A second one ends the program at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true;
    const take = (signal: NodeJS.Signals): void => {
      if (!first) process.exit(1);
      first = false;
      resolve(signal);
    };
    process.on("SIGTERM", take);
    process.on("SIGINT", take);
  });
}
