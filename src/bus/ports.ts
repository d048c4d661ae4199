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

/** A session's record as of an event; what was removed has a place in the stream, too. */
export interface RecordVersion {
  /** Stream sequence of the event that made it so. */
  readonly seq: number;
  /** Undefined: removed. */
  readonly data: Uint8Array | undefined;
  /** Removed with no event that says so: whoever reads the stream anew would bring the session back. */
  readonly isUnsaid?: boolean;
}

/** What is to be stored where another agent has written meanwhile; undefined: what is there stays. */
export type Settle = (key: string, ours: RecordVersion, theirs: RecordVersion) => RecordVersion | undefined;

/** How conflicts were settled: another agent's record stayed, or ours took its place. */
export interface WriteConflicts {
  readonly theirs: number;
  readonly ours: number;
}

export interface RecordReader {
  /** About so many records are about to come. */
  expect(count: number): void;
  /** `isOfThisStream`: false where its sequences are those of a stream that is no more. */
  record(key: string, data: Uint8Array, isOfThisStream: boolean): void;
  /** The session ended behind the event of that sequence, and no event says so. */
  ended(key: string, seq: number): void;
}

/** What is stored of each session, by its key `<nas>.<session>`. Several agents may write. */
export interface SessionRecords {
  /** Reads every record whose key begins with one of the prefixes (each ends in '.'), or all where none is given. */
  load(keyPrefixes: readonly string[], reader: RecordReader): Promise<void>;
  /** Compares and sets: what another agent has written since we looked is settled. Resolves when all of it is. */
  write(changes: ReadonlyMap<string, RecordVersion>, settle: Settle): Promise<WriteConflicts>;
  /** Makes what the records are kept in where that is gone. True where it was. */
  restore(): Promise<boolean>;
}
