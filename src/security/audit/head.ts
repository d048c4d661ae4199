/**
 * How far the log had come, signed by the agent: without it a log whose end was cut off looks like a shorter one. Written
 * behind the log, so it may be older than the log's end and never younger.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalBytes, parseCanonical } from "../canonical.js";
import { SecurityError } from "../errors.js";
import type { Signer, Verifier } from "../keys/signing-key.js";

export interface AuditHead {
  readonly node: string;
  readonly seq: number;
  readonly hash: string;
}

export type HeadReading =
  | { readonly kind: "head"; readonly head: AuditHead; readonly by: string }
  | { readonly kind: "none" }
  | { readonly kind: "bad"; readonly reason: string };

const FILE = "head.json";
const DOMAIN = Buffer.from("submirror audit head 1\n");

export function writeHead(directory: string, head: AuditHead, signer: Signer | undefined): void {
  const bytes = canonicalBytes(head);
  const signature = signer?.sign(Buffer.concat([DOMAIN, bytes])).toString("base64url");
  const record = { head: bytes.toString("base64url"), by: signer?.publicKey, signature };
  const path = join(directory, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** `verifierOf` undefined: nobody's signature is asked for. */
export function readHead(directory: string, verifierOf?: (publicKey: string) => Verifier | undefined): HeadReading {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "none" };
    return { kind: "bad", reason: `${FILE} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  try {
    return checkHead(text, verifierOf);
  } catch {
    return { kind: "bad", reason: `${FILE} is not a head record` };
  }
}

function checkHead(text: string, verifierOf?: (publicKey: string) => Verifier | undefined): HeadReading {
  const { head, by = "", signature = "" } = JSON.parse(text) as { head: string; by?: string; signature?: string };
  const bytes = Buffer.from(head, "base64url");
  const { node, seq, hash } = parseCanonical(bytes, FILE) as AuditHead;
  if (typeof node !== "string" || typeof hash !== "string" || !Number.isSafeInteger(seq)) {
    throw new SecurityError("malformed", FILE);
  }
  if (verifierOf !== undefined) {
    const verifier = verifierOf(by);
    if (verifier === undefined) return { kind: "bad", reason: `${FILE} is not signed by a key of an agent` };
    if (!verifier.verify(Buffer.concat([DOMAIN, bytes]), Buffer.from(signature, "base64url"))) {
      return { kind: "bad", reason: `the signature of ${FILE} does not fit it` };
    }
  }
  return { kind: "head", head: { node, seq, hash }, by };
}
