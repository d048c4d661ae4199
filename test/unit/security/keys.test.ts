/** Our keys are those of NATS: what the nkeys library makes and signs is what we read and verify, and the other way round. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAccount, createCurve, createUser, fromCurveSeed, fromPublic, fromSeed } from "@nats-io/nkeys";
import { KeyError } from "../../../src/security/errors.js";
import {
  generateSealingSeed,
  isSealingPublicKey,
  sealingKeyFromSeed,
  sealTo,
} from "../../../src/security/keys/sealing-key.js";
import {
  generateSigningSeed,
  isSigningPublicKey,
  signerFromSeed,
  verifierOf,
} from "../../../src/security/keys/signing-key.js";

const TEXT = Buffer.from("an order");

test("signatures are those of the nkeys library, byte for byte", () => {
  const pair = createUser();
  const signer = signerFromSeed(Buffer.from(pair.getSeed()).toString());
  assert.equal(signer.publicKey, pair.getPublicKey());
  assert.deepEqual(signer.sign(TEXT), Buffer.from(pair.sign(TEXT)));
  assert.ok(fromPublic(signer.publicKey).verify(TEXT, signer.sign(TEXT)));
  assert.ok(verifierOf(pair.getPublicKey()).verify(TEXT, pair.sign(TEXT)));
  const own = generateSigningSeed();
  assert.equal(fromSeed(Buffer.from(own)).getPublicKey(), signerFromSeed(own).publicKey);
});

test("an altered text, an altered signature and another's signature are not verified", () => {
  const signer = signerFromSeed(generateSigningSeed());
  const verifier = verifierOf(signer.publicKey);
  const signature = signer.sign(TEXT);
  assert.ok(verifier.verify(TEXT, signature));
  const altered = Buffer.from(signature);
  altered.writeUInt8(altered.readUInt8(7) ^ 1, 7);
  assert.ok(!verifier.verify(TEXT, altered));
  assert.ok(!verifier.verify(Buffer.from("An order"), signature));
  assert.ok(!verifier.verify(TEXT, signerFromSeed(generateSigningSeed()).sign(TEXT)));
  for (const short of [Buffer.alloc(0), signature.subarray(1)]) assert.ok(!verifier.verify(TEXT, short));
});

test("boxes are those of the nkeys library", () => {
  const pair = createCurve();
  const [box] = sealTo([pair.getPublicKey()], TEXT);
  assert.ok(box !== undefined);
  assert.deepEqual(Buffer.from(pair.open(Buffer.from(box.box, "base64url"), box.from) ?? []), TEXT);
  const key = sealingKeyFromSeed(Buffer.from(pair.getSeed()).toString());
  assert.deepEqual(key.open(box), TEXT);
  const own = generateSealingSeed();
  assert.equal(fromCurveSeed(Buffer.from(own)).getPublicKey(), sealingKeyFromSeed(own).publicKey);
});

test("a box opens for its reader alone, and not when it was altered", () => {
  const [one, other] = [generateSealingSeed(), generateSealingSeed()].map(sealingKeyFromSeed);
  assert.ok(one !== undefined && other !== undefined);
  const [box] = sealTo([one.publicKey], TEXT);
  assert.ok(box !== undefined);
  assert.equal(other.open(box), undefined);
  assert.equal(other.open({ ...box, to: other.publicKey }), undefined);
  assert.equal(one.open({ ...box, box: `${box.box.slice(0, -4)}AAAA` }), undefined);
  assert.equal(one.open({ ...box, from: "X" }), undefined);
  assert.equal(one.open({ ...box, box: "" }), undefined);
});

test("wrong keys are refused with what to do, and are not quoted", () => {
  const signing = generateSigningSeed();
  const sealing = generateSealingSeed();
  const accountSeed = Buffer.from(createAccount().getSeed()).toString();
  for (const seed of [sealing, accountSeed, "", "SU", signing.slice(0, -1), `${signing.slice(0, -1)}0`]) {
    assert.throws(
      () => signerFromSeed(seed),
      (error: unknown) =>
        error instanceof KeyError && /submirror keys generate/.test(error.message) && !leaks(error, seed),
    );
  }
  for (const seed of [signing, "", "SX", sealing.slice(1)]) {
    assert.throws(
      () => sealingKeyFromSeed(seed),
      (error: unknown) => error instanceof KeyError && !leaks(error, seed),
    );
  }
  assert.throws(() => verifierOf(sealingKeyFromSeed(sealing).publicKey), KeyError);
  assert.throws(() => sealTo([signerFromSeed(signing).publicKey], TEXT), KeyError);
  assert.ok(isSealingPublicKey(sealingKeyFromSeed(sealing).publicKey));
  assert.ok(!isSealingPublicKey(signerFromSeed(signing).publicKey));
  assert.ok(isSigningPublicKey(signerFromSeed(signing).publicKey));
  assert.ok(!isSigningPublicKey("U"));
});

function leaks(error: Error, seed: string): boolean {
  return seed.length > 4 && error.message.includes(seed);
}
