/** X25519 keys (xkeys of NATS: `X...` public, `SX...` seed): what small secrets are sealed to. 1 to 2 ms for each operation. */
import { createCurve, fromCurveSeed, type KeyPair } from "@nats-io/nkeys";
import { KeyError } from "../errors.js";

/** A secret that one reader can open. Everything is public but the contents. */
export interface Box {
  /** The reader's public key. */
  readonly to: string;
  /** A public key made for this box alone; who sealed it is for a signature to say. */
  readonly from: string;
  /** `xkv1`, nonce, ciphertext, in base64url. */
  readonly box: string;
}

export interface SealingKey {
  /** `X...`, 56 characters. */
  readonly publicKey: string;
  /** Undefined where the box is not for this key, or was altered. */
  open(box: Box): Buffer | undefined;
}

/** A new key's seed, `SX...`. Secret. */
export function generateSealingSeed(): string {
  return Buffer.from(createCurve().getSeed()).toString("ascii");
}

/** Throws KeyError. */
export function sealingKeyFromSeed(seed: string): SealingKey {
  const pair = curveFromSeed(seed);
  const publicKey = pair.getPublicKey();
  return { publicKey, open: (box) => (box.to === publicKey ? openBox(pair, box) : undefined) };
}

/** Throws KeyError where a reader is no xkey. */
export function sealTo(readers: readonly string[], secret: Uint8Array): Box[] {
  const ephemeral = createCurve();
  const from = ephemeral.getPublicKey();
  try {
    return readers.map((to) => ({ to, from, box: Buffer.from(seal(ephemeral, secret, to)).toString("base64url") }));
  } finally {
    ephemeral.clear();
  }
}

export function isSealingPublicKey(text: string): boolean {
  if (!/^X[A-Z2-7]{55}$/.test(text)) return false;
  try {
    createCurve().seal(new Uint8Array(1), text);
    return true;
  } catch {
    return false;
  }
}

function curveFromSeed(seed: string): KeyPair {
  try {
    return fromCurveSeed(Buffer.from(seed, "ascii"));
  } catch {
    // The library's message may quote the seed.
    throw new KeyError("a sealing key must be the seed of an xkey (SX...): make one with submirror keys generate");
  }
}

function seal(ephemeral: KeyPair, secret: Uint8Array, reader: string): Uint8Array {
  try {
    return ephemeral.seal(secret, reader);
  } catch {
    throw new KeyError("a reader must be named by an xkey (X..., 56 characters): see submirror keys show");
  }
}

function openBox(pair: KeyPair, { from, box }: Box): Buffer | undefined {
  try {
    const secret = pair.open(Buffer.from(box, "base64url"), from);
    return secret === null ? undefined : Buffer.from(secret);
  } catch {
    return undefined;
  }
}
