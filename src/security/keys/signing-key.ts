/**
 * Ed25519 keys in the nkeys format of NATS: `U...` public, `SU...` seed. The nkeys library does the encodings; signing and
 * verifying are node:crypto's, which is about a hundred times as fast.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { createUser, Prefix } from "@nats-io/nkeys";
import { Codec } from "@nats-io/nkeys/lib/codec.js";
import { KeyError } from "../errors.js";

export interface Signer {
  /** The public key: `U...`, 56 characters. */
  readonly publicKey: string;
  /** 64 bytes. */
  sign(data: Uint8Array): Buffer;
}

export interface Verifier {
  readonly publicKey: string;
  /** False also where the signature is none. */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** A new key's seed, `SU...`. Secret. */
export function generateSigningSeed(): string {
  return Buffer.from(createUser().getSeed()).toString("ascii");
}

/** Throws KeyError. */
export function signerFromSeed(seed: string): Signer {
  const raw = decodeSeed(seed);
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, raw]), format: "der", type: "pkcs8" });
  const publicKey = encodePublic(createPublicKey(privateKey));
  return { publicKey, sign: (data) => sign(null, data, privateKey) };
}

/** Throws KeyError. */
export function verifierOf(publicKey: string): Verifier {
  const raw = decodePublic(publicKey);
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, raw]), format: "der", type: "spki" });
  return {
    publicKey,
    verify: (data, signature) => signature.length === SIGNATURE_BYTES && verify(null, data, key, signature),
  };
}

export function isSigningPublicKey(text: string): boolean {
  try {
    decodePublic(text);
    return true;
  } catch {
    return false;
  }
}

const SIGNATURE_BYTES = 64;
/** RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8 and SubjectPublicKeyInfo. */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

function decodeSeed(seed: string): Uint8Array {
  try {
    const { buf, prefix } = Codec.decodeSeed(Buffer.from(seed, "ascii"));
    if (prefix === Prefix.User && buf.length === 32) return buf;
  } catch {
    // The library's message may quote the seed.
  }
  throw new KeyError(
    "a signing key must be the seed of an nkey of a user (SU...): make one with submirror keys generate",
  );
}

function decodePublic(text: string): Uint8Array {
  try {
    const raw = Codec.decode(Prefix.User, Buffer.from(text, "ascii"));
    if (raw.length === 32) return raw;
  } catch {
    // Said below.
  }
  throw new KeyError("a public signing key must be the nkey of a user (U..., 56 characters): see submirror keys show");
}

function encodePublic(key: KeyObject): string {
  const raw = key.export({ format: "der", type: "spki" }).subarray(SPKI_ED25519.length);
  return Buffer.from(Codec.encode(Prefix.User, raw)).toString("ascii");
}
