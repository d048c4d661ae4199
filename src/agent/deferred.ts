export interface Deferred {
  readonly promise: Promise<void>;
  /** With a promise: settles as that one does. */
  resolve(value?: Promise<void>): void;
  reject(reason: Error): void;
}

/** A promise that somebody else settles (Promise.withResolvers, which Node 20 does not have). */
export function deferred(): Deferred {
  let resolve: Deferred["resolve"] = () => undefined;
  let reject: Deferred["reject"] = () => undefined;
  const promise = new Promise<void>((accept, refuse) => {
    resolve = (value) => accept(value);
    reject = refuse;
  });
  // Whoever waits gets the reason; nobody waiting is no fault.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
