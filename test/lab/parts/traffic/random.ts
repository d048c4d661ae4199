import { createCipheriv, createHash } from "node:crypto";

/** Pseudo-random bytes, the same for the same seed, in pieces of at most 64 KiB. */
export function* pseudoRandom(bytes: number, seed: string): Generator<Buffer> {
  const key = createHash("sha256").update(seed).digest();
  const stream = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  for (let left = bytes; left > 0; ) {
    const piece = Math.min(left, 65_536);
    left -= piece;
    yield stream.update(Buffer.alloc(piece));
  }
}

/** SHA-256 in hex of what `pseudoRandom` yields. */
export function pseudoRandomDigest(bytes: number, seed: string): string {
  const hash = createHash("sha256");
  for (const piece of pseudoRandom(bytes, seed)) hash.update(piece);
  return hash.digest("hex");
}
