/** The data keys that this program can open, by id, with who issued each and for what. */
import type { SealingKey } from "../keys/sealing-key.js";
import { DataKey, sealedWith } from "./data-key.js";
import {
  extendGrant,
  type Grant,
  type GrantStatement,
  type GrantTrust,
  type KeyPurpose,
  openGrant,
  verifyGrant,
} from "./grant.js";

export interface HeldKey {
  readonly key: DataKey;
  readonly statement: GrantStatement;
}

interface Entry extends HeldKey {
  readonly secret: Buffer;
}

export type Opened =
  | { readonly kind: "opened"; readonly plain: Buffer; readonly by: string }
  /** The grant of that data key has not been seen, or is for others. */
  | { readonly kind: "no-key"; readonly key: string }
  | { readonly kind: "altered" };

export class Keyring {
  readonly #keys = new Map<string, Entry>();

  constructor(
    private readonly sealingKeys: readonly SealingKey[],
    private readonly trust: GrantTrust,
  ) {}

  /** Undefined where the grant is for others. Throws SecurityError where it cannot be believed. */
  add(grant: Grant): HeldKey | undefined {
    const statement = verifyGrant(grant, this.trust);
    const held = this.#keys.get(statement.key);
    if (held !== undefined) return held;
    const secret = openGrant(grant, statement, this.sealingKeys);
    return secret === undefined ? undefined : this.hold(secret, statement);
  }

  /** Adds a key that this program has issued itself. */
  hold(secret: Buffer, statement: GrantStatement): HeldKey {
    const entry: Entry = { key: new DataKey(secret), statement, secret };
    this.#keys.set(statement.key, entry);
    return entry;
  }

  get(id: string): HeldKey | undefined {
    return this.#keys.get(id);
  }

  /** The newest key of the purpose that `by` has issued. */
  newest(purpose: KeyPurpose, by?: string): HeldKey | undefined {
    let newest: Entry | undefined;
    for (const entry of this.#keys.values()) {
      const { statement } = entry;
      if (statement.purpose !== purpose || (by !== undefined && statement.by !== by)) continue;
      if (newest === undefined || statement.at > newest.statement.at) newest = entry;
    }
    return newest;
  }

  open(sealed: Uint8Array, purpose: KeyPurpose, context: string): Opened {
    const id = sealedWith(sealed);
    if (id === undefined) return { kind: "altered" };
    const held = this.#keys.get(id);
    if (held === undefined) return { kind: "no-key", key: id };
    // A key for one purpose opens nothing of another: an auditor's key must not make session records.
    if (held.statement.purpose !== purpose) return { kind: "altered" };
    const plain = held.key.open(sealed, context);
    return plain === undefined ? { kind: "altered" } : { kind: "opened", plain, by: held.statement.by };
  }

  /** The grant with boxes for readers that it does not reach yet; undefined where none is missing or the key is not held. */
  extend(grant: Grant, key: string, readers: readonly string[]): Grant | undefined {
    const held = this.#keys.get(key);
    return held === undefined ? undefined : extendGrant(grant, held.secret, readers);
  }
}
