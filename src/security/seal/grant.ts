/**
 * A grant hands a data key to its readers: a signed statement of who issues which key for what, and a box for each reader.
 * The statement names the key by its hash, so that any reader may add boxes for others without signing anew.
 */
import { randomBytes } from "node:crypto";
import { canonicalBytes, parseCanonical } from "../canonical.js";
import { SecurityError } from "../errors.js";
import { type Box, type SealingKey, sealTo } from "../keys/sealing-key.js";
import type { Signer, Verifier } from "../keys/signing-key.js";
import { DATA_KEY_BYTES, DataKey, dataKeyId } from "./data-key.js";

export const KEY_PURPOSES = ["events", "records", "index", "audit", "notifications"] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

export interface GrantStatement {
  readonly v: 1;
  /** Id of the data key. */
  readonly key: string;
  readonly purpose: KeyPurpose;
  /** Public signing key of whoever issues it. */
  readonly by: string;
  /** Unix time in milliseconds. */
  readonly at: number;
}

export interface Grant {
  /** Canonical JSON of the statement, in base64url, and the signature over it. */
  readonly statement: string;
  readonly signature: string;
  readonly boxes: readonly Box[];
}

const DOMAIN = Buffer.from("submirror grant 1\n");
const MAX_READERS = 1000;

/** A new data key. `now`: Unix time in milliseconds. Throws KeyError where a reader is no xkey. */
export function issueDataKey(
  purpose: KeyPurpose,
  readers: readonly string[],
  signer: Signer,
  now: number,
): { readonly key: DataKey; readonly secret: Buffer; readonly grant: Grant } {
  const secret = randomBytes(DATA_KEY_BYTES);
  const key = new DataKey(secret);
  const statement: GrantStatement = { v: 1, key: key.id, purpose, by: signer.publicKey, at: now };
  return { key, secret, grant: { ...signStatement(statement, signer), boxes: sealTo([...new Set(readers)], secret) } };
}

/** The same data key for the same readers, under another signing key: that of its issuer is to be given up. */
export function reissueGrant(grant: Grant, statement: GrantStatement, signer: Signer): Grant {
  return { ...signStatement({ ...statement, by: signer.publicKey }, signer), boxes: grant.boxes };
}

function signStatement(statement: GrantStatement, signer: Signer): Pick<Grant, "statement" | "signature"> {
  const bytes = canonicalBytes(statement);
  const signature = signer.sign(Buffer.concat([DOMAIN, bytes]));
  return { statement: bytes.toString("base64url"), signature: signature.toString("base64url") };
}

/** Reads bytes from the bus. Throws SecurityError. */
export function parseGrant(bytes: Uint8Array): Grant {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw malformed();
  }
  const { statement, signature, boxes } = (value ?? {}) as Record<string, unknown>;
  if (typeof statement !== "string" || typeof signature !== "string") throw malformed();
  if (!Array.isArray(boxes) || boxes.length > MAX_READERS || !boxes.every(isBox)) throw malformed();
  return { statement, signature, boxes };
}

/** Who may issue data keys, and for what: the issuer's verifier where `statement` may be believed once it is signed. */
export type GrantTrust = (statement: GrantStatement) => Verifier | undefined;

/** What the grant states, where its issuer is trusted with that and the signature fits. Throws SecurityError. */
export function verifyGrant(grant: Grant, trust: GrantTrust): GrantStatement {
  const bytes = Buffer.from(grant.statement, "base64url");
  const statement = checkStatement(parseCanonical(bytes, "a grant's statement"));
  const verifier = trust(statement);
  if (verifier === undefined) {
    throw new SecurityError(
      "unknown-key",
      "a data key was issued by a signing key that the configuration does not trust with it",
    );
  }
  if (!verifier.verify(Buffer.concat([DOMAIN, bytes]), Buffer.from(grant.signature, "base64url"))) {
    throw new SecurityError("bad-signature", "a data key's grant is not signed by whom it names");
  }
  return statement;
}

/** The secret of the data key. Undefined where no box is for these keys; throws SecurityError where the box holds another. */
export function openGrant(grant: Grant, statement: GrantStatement, keys: readonly SealingKey[]): Buffer | undefined {
  for (const key of keys) {
    for (const box of grant.boxes) {
      const secret = key.open(box);
      if (secret === undefined) continue;
      if (secret.length === DATA_KEY_BYTES && dataKeyId(secret).toString("base64url") === statement.key) return secret;
      throw new SecurityError("cannot-open", "a grant's box holds another data key than its statement names");
    }
  }
  return undefined;
}

/** The grant with boxes for those of `readers` that have none yet; undefined where nobody is missing. */
export function extendGrant(grant: Grant, secret: Uint8Array, readers: readonly string[]): Grant | undefined {
  const held = new Set(grant.boxes.map(({ to }) => to));
  const missing = [...new Set(readers)].filter((reader) => !held.has(reader));
  return missing.length === 0 ? undefined : { ...grant, boxes: [...grant.boxes, ...sealTo(missing, secret)] };
}

function checkStatement(value: unknown): GrantStatement {
  const { v, key, purpose, by, at } = (value ?? {}) as Record<string, unknown>;
  const known = KEY_PURPOSES.find((item) => item === purpose);
  if (v !== 1 || typeof key !== "string" || known === undefined || typeof by !== "string") throw malformed();
  if (typeof at !== "number") throw malformed();
  return { v, key, purpose: known, by, at };
}

function isBox(value: unknown): value is Box {
  const { to, from, box } = (value ?? {}) as Record<string, unknown>;
  return typeof to === "string" && typeof from === "string" && typeof box === "string";
}

function malformed(): SecurityError {
  return new SecurityError("malformed", "the grant of a data key is not of the form that is expected");
}
