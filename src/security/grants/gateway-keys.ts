/**
 * The data keys that a gateway seals events with: a new one each hour, and its grant in the bucket before any event that
 * needs it. A grant that cannot be stored yet waits on the disk, beside the events that wait in the spool.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../disk/append-file.js";
import type { Signer } from "../keys/signing-key.js";
import type { DataKey } from "../seal/data-key.js";
import { issueDataKey } from "../seal/grant.js";
import type { GrantBucket, GrantLog } from "./ports.js";

export interface GatewayKeysOptions {
  readonly signer: Signer;
  /** Public sealing keys of all agents. */
  readonly agents: readonly string[];
  /** Where grants wait. */
  readonly directory: string;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  readonly log: GrantLog;
}

const HOUR_MS = 3_600_000;
const RETRY_MS = 1000;
const SUFFIX = ".grant";

export class GatewayKeys {
  #key: DataKey | undefined;
  #issuedAt = 0;
  /** Grants that are not stored yet, by data key. */
  readonly #waiting = new Map<string, Uint8Array>();
  #bucket: GrantBucket | undefined;
  #storing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** Reads the grants that an earlier run could not store. Throws what the file system says. */
  constructor(private readonly options: GatewayKeysOptions) {
    const { directory } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      if (name.endsWith(SUFFIX)) this.#waiting.set(name.slice(0, -SUFFIX.length), readFileSync(join(directory, name)));
    }
  }

  /** The key to seal with at this moment. */
  current(): DataKey {
    const now = this.options.clock();
    if (this.#key === undefined || now - this.#issuedAt > HOUR_MS || now < this.#issuedAt) this.#key = this.#issue(now);
    return this.#key;
  }

  /** The bus is there. */
  attach(bucket: GrantBucket): void {
    this.#bucket = bucket;
    void this.#store();
  }

  get isAttached(): boolean {
    return this.#bucket !== undefined;
  }

  isStored(key: string): boolean {
    return !this.#waiting.has(key);
  }

  /** Resolves when the grant of that data key is where the agents find it. */
  async stored(key: string): Promise<void> {
    while (this.#waiting.has(key)) await this.#store();
  }

  stop(): void {
    this.#bucket = undefined;
    clearTimeout(this.#retry);
  }

  #issue(now: number): DataKey {
    const { signer, agents } = this.options;
    const { key, grant } = issueDataKey("events", agents, signer, now);
    const bytes = Buffer.from(JSON.stringify(grant));
    this.#keep(key.id, bytes);
    this.#waiting.set(key.id, bytes);
    this.#issuedAt = now;
    void this.#store();
    return key;
  }

  #store(): Promise<void> {
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #storeAll(): Promise<void> {
    for (const [key, bytes] of this.#waiting) {
      try {
        if (this.#bucket === undefined) throw new Error("there is no bus yet");
        // One that an agent has opened to more readers meanwhile is left as it is.
        await this.#bucket.create(key, bytes);
      } catch (error) {
        if (this.#bucket !== undefined) {
          this.options.log.warn({ reason: (error as Error).message }, "a data key cannot be stored yet; trying on");
        }
        await this.#pause();
        return;
      }
      this.#waiting.delete(key);
      this.#forget(key);
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#retry = setTimeout(resolve, RETRY_MS);
      this.#retry.unref();
    });
  }

  #keep(key: string, bytes: Uint8Array): void {
    const { directory } = this.options;
    const fd = openSync(join(directory, key + SUFFIX), "w", 0o600);
    try {
      writeSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncDirectory(directory);
  }

  #forget(key: string): void {
    try {
      unlinkSync(join(this.options.directory, key + SUFFIX));
    } catch {
      // It is stored again at the next start, which changes nothing.
    }
  }
}
