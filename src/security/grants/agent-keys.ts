/** The data keys of an agent: those that others have granted to it, and those that it issues for records and notifications. */

import { SecurityError } from "../errors.js";
import type { SealingKey } from "../keys/sealing-key.js";
import type { Signer } from "../keys/signing-key.js";
import type { DataKey } from "../seal/data-key.js";
import {
  type Grant,
  type GrantTrust,
  issueDataKey,
  type KeyPurpose,
  parseGrant,
  reissueGrant,
  verifyGrant,
} from "../seal/grant.js";
import { type HeldKey, Keyring } from "../seal/keyring.js";
import type { GrantBucket, GrantLog } from "./ports.js";

export interface AgentKeysOptions {
  readonly signer: Signer;
  /** Public signing keys of this agent that are still named, beside that of `signer`: on their way out. */
  readonly retired: readonly string[];
  readonly sealingKeys: readonly SealingKey[];
  readonly trust: GrantTrust;
  /** Public sealing keys of all agents. */
  readonly agents: readonly string[];
  /** Who may read notifications. */
  readonly notified: readonly string[];
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  readonly log: GrantLog;
}

/** No agent can make keys of session records that the others would find: it has to be given the one they use. */
export class IndexKeyError extends Error {
  override readonly name = "IndexKeyError";
}

type OwnPurpose = Extract<KeyPurpose, "records" | "notifications">;

const DAY_MS = 24 * 3_600_000;
/** All agents blind session ids with the same key, so that each finds what another has written. */
const INDEX = "index";
const MAX_UNKNOWN = 10_000;

export class AgentKeys {
  readonly keyring: Keyring;
  readonly #current = new Map<OwnPurpose, HeldKey>();
  readonly #issuing = new Set<OwnPurpose>();
  /** Data keys that were asked for and are not there. */
  readonly #unknown = new Set<string>();
  #bucket: GrantBucket | undefined;
  #index: DataKey | undefined;
  #unwatch: () => void = () => undefined;

  constructor(private readonly options: AgentKeysOptions) {
    this.keyring = new Keyring(options.sealingKeys, options.trust);
  }

  /** Reads what was granted, issues what is needed. Throws IndexKeyError. */
  async start(bucket: GrantBucket): Promise<void> {
    this.#bucket = bucket;
    const grants = new Map<string, Grant>();
    await bucket.load((name, bytes) => this.#take(name, bytes, grants));
    await this.#keepLegible(bucket, grants);
    this.#index = await this.#ensureIndex(bucket);
    for (const purpose of ["records", "notifications"] as const) await this.#ensureOwn(purpose);
    this.#unwatch = await bucket.watch((name, bytes) => this.#take(name, bytes));
  }

  stop(): void {
    this.#unwatch();
  }

  /** The key that session ids are blinded with. */
  get index(): DataKey {
    if (this.#index === undefined) throw new Error("data keys are used before they were read");
    return this.#index;
  }

  /** The key to seal with. A new one is issued behind the scenes each day. */
  current(purpose: OwnPurpose): DataKey {
    const held = this.#current.get(purpose);
    if (held === undefined) throw new Error("data keys are used before they were read");
    if (this.options.clock() - held.statement.at > DAY_MS) void this.#issueBehindTheScenes(purpose);
    return held.key;
  }

  /** Looks whether the data key has been granted meanwhile. One that is not there is not looked for twice. */
  async fetch(id: string): Promise<boolean> {
    if (this.keyring.get(id) !== undefined) return true;
    if (this.#bucket === undefined || this.#unknown.has(id)) return false;
    const bytes = await this.#bucket.get(id);
    if (bytes !== undefined) this.#take(id, bytes);
    if (this.keyring.get(id) !== undefined) return true;
    if (this.#unknown.size >= MAX_UNKNOWN) this.#unknown.clear();
    this.#unknown.add(id);
    return false;
  }

  #take(name: string, bytes: Uint8Array, grants?: Map<string, Grant>): void {
    try {
      const grant = parseGrant(bytes);
      const held = this.keyring.add(grant);
      if (held === undefined) return;
      grants?.set(name, grant);
      this.#unknown.delete(held.statement.key);
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error;
      this.options.log.warn({ reason: error.reason, detail: error.message }, "a data key's grant was refused");
    }
  }

  /**
   * Whoever can open a grant opens it to agents that were added since. What this agent has issued with a signing key that it
   * gave up is issued with its new one, so that nothing becomes illegible when the old one is named no more.
   */
  async #keepLegible(bucket: GrantBucket, grants: ReadonlyMap<string, Grant>): Promise<void> {
    let [shared, reissued] = [0, 0];
    for (const [name, grant] of grants) {
      const statement = verifyGrant(grant, this.options.trust);
      const isRetired = this.options.retired.includes(statement.by);
      const current = isRetired ? reissueGrant(grant, statement, this.options.signer) : grant;
      const extended = this.keyring.extend(current, statement.key, this.#readersOf(statement.purpose));
      if (extended === undefined && !isRetired) continue;
      await bucket.put(name, encode(extended ?? current));
      shared += extended === undefined ? 0 : 1;
      reissued += isRetired ? 1 : 0;
    }
    if (shared > 0) this.options.log.info({ keys: shared }, "data keys were sealed to agents that were added");
    if (reissued > 0)
      this.options.log.info({ keys: reissued }, "data keys were issued under this agent's new signing key");
  }

  async #ensureIndex(bucket: GrantBucket): Promise<DataKey> {
    const { signer, clock } = this.options;
    const { secret, grant, key } = issueDataKey("index", this.#readersOf("index"), signer, clock());
    if (await bucket.create(INDEX, encode(grant))) {
      this.keyring.hold(secret, verifyGrant(grant, this.options.trust));
      return key;
    }
    const bytes = await bucket.get(INDEX);
    if (bytes !== undefined) this.#take(INDEX, bytes);
    const held = this.keyring.newest("index");
    if (held !== undefined) return held.key;
    throw new IndexKeyError(
      "the key of the session records is not sealed to this agent: add its public sealing key to security.agents of another agent, and restart that one",
    );
  }

  async #ensureOwn(purpose: OwnPurpose): Promise<void> {
    const held = this.keyring.newest(purpose, this.options.signer.publicKey);
    if (held !== undefined && this.options.clock() - held.statement.at < DAY_MS) this.#current.set(purpose, held);
    else await this.#issue(purpose);
  }

  async #issue(purpose: OwnPurpose): Promise<void> {
    const { signer, clock, trust } = this.options;
    const { secret, grant } = issueDataKey(purpose, this.#readersOf(purpose), signer, clock());
    const held = this.keyring.hold(secret, verifyGrant(grant, trust));
    // Before anything is sealed with it.
    await this.#bucket?.put(held.key.id, encode(grant));
    this.#current.set(purpose, held);
  }

  async #issueBehindTheScenes(purpose: OwnPurpose): Promise<void> {
    if (this.#issuing.has(purpose)) return;
    this.#issuing.add(purpose);
    try {
      await this.#issue(purpose);
    } catch (error) {
      this.options.log.warn(
        { reason: (error as Error).message },
        "a new data key cannot be stored yet; the old one serves on",
      );
    } finally {
      this.#issuing.delete(purpose);
    }
  }

  #readersOf(purpose: KeyPurpose): readonly string[] {
    return purpose === "notifications" ? this.options.notified : this.options.agents;
  }
}

function encode(grant: Grant): Uint8Array {
  return Buffer.from(JSON.stringify(grant));
}
