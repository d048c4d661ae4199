/**
 * An order is a payload in canonical JSON and one signature or more over it. As text:
 * `o1.<payload>.<public key>.<signature>[.<public key>.<signature>]`, payload and signatures in base64url.
 */
import { canonicalBytes } from "../canonical.js";
import { SecurityError } from "../errors.js";
import type { Signer, Verifier } from "../keys/signing-key.js";

export interface OrderSignature {
  /** Public signing key, `U...`. */
  readonly by: string;
  readonly signature: Buffer;
}

export interface SignedOrder {
  /** Canonical JSON. */
  readonly payload: Buffer;
  readonly signatures: readonly OrderSignature[];
}

export const SIGNED_PREFIX = "o1.";
/** Keeps a signature over an order from being one over anything else. */
const DOMAIN = Buffer.from("submirror order 1\n");
const MAX_SIGNATURES = 4;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export function signOrder(payload: object, signer: Signer): SignedOrder {
  const bytes = canonicalBytes(payload);
  return { payload: bytes, signatures: [signatureOf(bytes, signer)] };
}

/** The order with one more signature. A key that has signed already signs anew. */
export function countersign(order: SignedOrder, signer: Signer): SignedOrder {
  const others = order.signatures.filter(({ by }) => by !== signer.publicKey);
  return { ...order, signatures: [...others, signatureOf(order.payload, signer)] };
}

export function formatSigned({ payload, signatures }: SignedOrder): string {
  const parts = signatures.flatMap(({ by, signature }) => [by, signature.toString("base64url")]);
  return `${SIGNED_PREFIX}${[payload.toString("base64url"), ...parts].join(".")}`;
}

/** Throws SecurityError. */
export function parseSigned(text: string): SignedOrder {
  if (!text.startsWith(SIGNED_PREFIX)) throw malformed();
  const [payload = "", ...rest] = text.slice(SIGNED_PREFIX.length).split(".");
  const count = rest.length / 2;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SIGNATURES) throw malformed();
  if (![payload, ...rest].every((part) => BASE64URL.test(part))) throw malformed();
  const signatures = Array.from({ length: count }, (_, at) => ({
    by: rest[2 * at] ?? "",
    signature: Buffer.from(rest[2 * at + 1] ?? "", "base64url"),
  }));
  return { payload: Buffer.from(payload, "base64url"), signatures };
}

/** Every signature has to be good, also one more than is needed. Throws SecurityError. */
export function verifySignatures(order: SignedOrder, verifierOf: (publicKey: string) => Verifier | undefined): void {
  const signed = Buffer.concat([DOMAIN, order.payload]);
  for (const { by, signature } of order.signatures) {
    const verifier = verifierOf(by);
    if (verifier === undefined) {
      throw new SecurityError("unknown-key", "the order is signed with a key that the configuration does not name");
    }
    if (!verifier.verify(signed, signature)) {
      throw new SecurityError("bad-signature", "the order's signature does not fit its contents");
    }
  }
}

function signatureOf(payload: Buffer, signer: Signer): OrderSignature {
  return { by: signer.publicKey, signature: signer.sign(Buffer.concat([DOMAIN, payload])) };
}

function malformed(): SecurityError {
  return new SecurityError("malformed", "an order must be o1, a payload, and one to four pairs of key and signature");
}
