/**
 * AES-256-GCM under a data key: what events, records and notifications are sealed with, at some microseconds each. The data
 * key itself goes to its readers in a grant (grant.ts), once.
 *
 * Sealed bytes: id of the data key (16), nonce (12), ciphertext, tag (16).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";

export const DATA_KEY_BYTES = 32;
const ID_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const SEAL_OVERHEAD_BYTES = ID_BYTES + NONCE_BYTES + TAG_BYTES;

const ALGORITHM = "aes-256-gcm";
/** Half of the nonce is random, so that a key which outlives a restart never meets one of its nonces again. */
const SALT_BYTES = 6;
const MAX_COUNT = 2 ** 40;

export class DataKey {
  /** Base64url of the first 16 bytes of a hash of the key: whoever is given another key under this id sees it. */
  readonly id: string;
  readonly #idBytes: Buffer;
  readonly #key: KeyObject;
  readonly #salt = randomBytes(SALT_BYTES);
  #count = 0;

  /** `secret`: 32 random bytes. */
  constructor(secret: Uint8Array) {
    if (secret.length !== DATA_KEY_BYTES) throw new RangeError(`a data key has ${DATA_KEY_BYTES} bytes`);
    this.#key = createSecretKey(secret);
    this.#idBytes = dataKeyId(secret);
    this.id = this.#idBytes.toString("base64url");
  }

  /** `context` is not in the result, but has to be the same when it is opened. */
  seal(plain: Uint8Array, context: string): Buffer {
    const nonce = this.#nextNonce();
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce);
    cipher.setAAD(Buffer.from(context, "utf8"));
    const body = cipher.update(plain);
    cipher.final();
    return Buffer.concat([this.#idBytes, nonce, body, cipher.getAuthTag()]);
  }

  /** Undefined where the bytes were not sealed with this key in this context, or were altered. */
  open(sealed: Uint8Array, context: string): Buffer | undefined {
    if (sealed.length < SEAL_OVERHEAD_BYTES) return undefined;
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (!bytes.subarray(0, ID_BYTES).equals(this.#idBytes)) return undefined;
    const end = bytes.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES));
    decipher.setAAD(Buffer.from(context, "utf8"));
    decipher.setAuthTag(bytes.subarray(end));
    const plain = decipher.update(bytes.subarray(ID_BYTES + NONCE_BYTES, end));
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }

  /** A name for `text` that tells nothing of it to whoever lacks the key, and is the same each time: 128 bits in base64url. */
  blind(text: string): string {
    return createHmac("sha256", this.#key)
      .update("submirror name 1\n")
      .update(text)
      .digest()
      .toString("base64url", 0, 16);
  }

  #nextNonce(): Buffer {
    if (this.#count >= MAX_COUNT) throw new Error("a data key has been used up; it should have been replaced long ago");
    const nonce = Buffer.allocUnsafe(NONCE_BYTES);
    this.#salt.copy(nonce);
    nonce.writeUIntBE(this.#count++, SALT_BYTES, NONCE_BYTES - SALT_BYTES);
    return nonce;
  }
}

export function dataKeyId(secret: Uint8Array): Buffer {
  return createHash("sha256").update("submirror data key 1\n").update(secret).digest().subarray(0, ID_BYTES);
}

/** The id of the data key that the bytes were sealed with, or that they begin with; undefined where they are too short. */
export function sealedWith(sealed: Uint8Array): string | undefined {
  if (sealed.length < ID_BYTES) return undefined;
  return Buffer.from(sealed.buffer, sealed.byteOffset, ID_BYTES).toString("base64url");
}
