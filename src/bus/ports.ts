/** What agent and gateway see of the bus. NATS is behind it; tests have fakes. */

export interface EventMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Stream sequence, 1 or more, ascending within a consumer. */
  readonly seq: number;
  /** Messages that the stream holds after this one. */
  readonly pending: number;
}

/**
 * Takes messages in their order. Whatever has to be done at once is done when this returns;
 * the promise resolves when the messages need not be delivered again, were the program to die.
 */
export type EventHandler = (messages: readonly EventMessage[]) => Promise<void>;

/** A message out, best effort and at once: results and notifications. */
export interface Sender {
  send(subject: string, payload: string): void;
}

/** What is stored of each session, by its key `<nas>.<session>`. */
export interface SessionRecords {
  /** Calls back for every record whose key begins with one of the prefixes (each ends in '.'), or all where none is given. */
  load(keyPrefixes: readonly string[], onRecord: (key: string, data: Uint8Array) => void): Promise<void>;
  /** Stores each record, removes those that are undefined. Resolves when all of it is stored. */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
}
