/** Where grants are kept for whoever is to read them: the bucket `datakeys`, or a test's memory. */
export interface GrantBucket {
  /** Calls back for each grant that is there. */
  load(onGrant: (name: string, bytes: Uint8Array) => void): Promise<void>;
  /** Calls back for each grant that comes or changes from now on, until the returned function is called. */
  watch(onGrant: (name: string, bytes: Uint8Array) => void): Promise<() => void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** False where there is one of that name already; nothing is changed then. */
  create(name: string, bytes: Uint8Array): Promise<boolean>;
  put(name: string, bytes: Uint8Array): Promise<void>;
}

export interface GrantLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
