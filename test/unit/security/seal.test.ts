/** Data keys, their grants, and text that is sealed with them or to readers directly. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type RefusalReason, SecurityError } from "../../../src/security/errors.js";
import { verifierOf } from "../../../src/security/keys/signing-key.js";
import { DataKey, sealedWith } from "../../../src/security/seal/data-key.js";
import { type Grant, issueDataKey, parseGrant } from "../../../src/security/seal/grant.js";
import { Keyring } from "../../../src/security/seal/keyring.js";
import {
  isSealedText,
  MissingDataKeyError,
  openText,
  sealTextTo,
  sealTextWith,
} from "../../../src/security/seal/text.js";
import { agentKey, agentSeal, gatewayKey, NOW, otherSeal, strangerKey } from "../../support/security.js";

const PLAIN = Buffer.from("what nobody else may read");
const trustGateway = ({ by }: { by: string }) => (by === gatewayKey.publicKey ? verifierOf(by) : undefined);

function refusedBecause(reason: RefusalReason) {
  return (error: unknown) => error instanceof SecurityError && error.reason === reason;
}

test("sealed bytes open with the same key in the same context, and in no other way", () => {
  const key = new DataKey(randomBytes(32));
  const sealed = key.seal(PLAIN, "event 1");
  assert.deepEqual(key.open(sealed, "event 1"), PLAIN);
  assert.equal(sealedWith(sealed), key.id);
  assert.equal(key.open(sealed, "event 2"), undefined);
  assert.equal(new DataKey(randomBytes(32)).open(sealed, "event 1"), undefined);
  for (let at = 0; at < sealed.length; at++) {
    const altered = Buffer.from(sealed);
    altered.writeUInt8(altered.readUInt8(at) ^ 0x10, at);
    assert.equal(key.open(altered, "event 1"), undefined, `byte ${at}`);
    assert.equal(key.open(sealed.subarray(0, at), "event 1"), undefined, `${at} bytes`);
  }
  assert.ok(!sealed.includes(PLAIN));
});

test("no nonce comes twice, also not from another process with the same key", () => {
  const secret = randomBytes(32);
  const nonces = new Set<string>();
  for (const key of [new DataKey(secret), new DataKey(secret)]) {
    for (let at = 0; at < 1000; at++) nonces.add(key.seal(PLAIN, "").subarray(16, 28).toString("hex"));
  }
  assert.equal(nonces.size, 2000);
});

test("a grant gives its readers the key, and others nothing", () => {
  const { key, grant } = issueDataKey("events", [agentSeal.publicKey], gatewayKey, NOW);
  const received = parseGrant(Buffer.from(JSON.stringify(grant)));
  const reader = new Keyring([otherSeal, agentSeal], trustGateway);
  const held = reader.add(received);
  assert.equal(held?.statement.by, gatewayKey.publicKey);
  assert.deepEqual(reader.open(key.seal(PLAIN, "c"), "events", "c"), {
    kind: "opened",
    plain: PLAIN,
    by: gatewayKey.publicKey,
  });
  const stranger = new Keyring([otherSeal], trustGateway);
  assert.equal(stranger.add(received), undefined);
  assert.deepEqual(stranger.open(key.seal(PLAIN, "c"), "events", "c"), { kind: "no-key", key: key.id });
});

test("a key opens nothing of another purpose than it was granted for", () => {
  const ring = new Keyring([agentSeal], trustGateway);
  const { key, grant } = issueDataKey("audit", [agentSeal.publicKey], gatewayKey, NOW);
  ring.add(grant);
  assert.deepEqual(ring.open(key.seal(PLAIN, "c"), "events", "c"), { kind: "altered" });
});

test("a grant that a stranger issued, or that was altered, is refused", () => {
  const { grant } = issueDataKey("events", [agentSeal.publicKey], gatewayKey, NOW);
  const other = issueDataKey("events", [agentSeal.publicKey], gatewayKey, NOW).grant;
  const forged = issueDataKey("events", [agentSeal.publicKey], strangerKey, NOW).grant;
  const statement = JSON.parse(Buffer.from(grant.statement, "base64url").toString()) as object;
  const restated = Buffer.from(JSON.stringify({ ...statement, at: NOW + 1 })).toString("base64url");
  const cases: [Grant, RefusalReason][] = [
    [forged, "unknown-key"],
    [{ ...grant, statement: restated }, "bad-signature"],
    [{ ...grant, signature: other.signature }, "bad-signature"],
    // Another key under the id of a trusted one.
    [{ ...grant, boxes: other.boxes }, "cannot-open"],
    [{ ...grant, statement: "e30" }, "malformed"],
  ];
  for (const [given, reason] of cases) {
    assert.throws(() => new Keyring([agentSeal], trustGateway).add(given), refusedBecause(reason), reason);
  }
});

test("whoever holds a key can add readers without signing anew", () => {
  const { key, grant } = issueDataKey("events", [agentSeal.publicKey], gatewayKey, NOW);
  const ring = new Keyring([agentSeal], trustGateway);
  ring.add(grant);
  const extended = ring.extend(grant, key.id, [agentSeal.publicKey, otherSeal.publicKey]);
  assert.ok(extended !== undefined);
  assert.equal(ring.extend(extended, key.id, [agentSeal.publicKey, otherSeal.publicKey]), undefined);
  const late = new Keyring([otherSeal], trustGateway);
  assert.ok(late.add(extended) !== undefined);
  assert.equal(late.open(key.seal(PLAIN, "c"), "events", "c").kind, "opened");
});

test("bytes that are no grant are refused, whatever they are", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        try {
          new Keyring([agentSeal], trustGateway).add(parseGrant(bytes));
          assert.fail("was taken");
        } catch (error) {
          assert.ok(error instanceof SecurityError);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("text opens as it was sealed: with a data key, or by one of its readers", () => {
  const { key, grant } = issueDataKey("events", [agentSeal.publicKey], gatewayKey, NOW);
  const keyring = new Keyring([agentSeal], trustGateway);
  const withKey = sealTextWith(key, "o1.order", "order");
  assert.throws(
    () => openText(withKey, "order", { keyring, sealingKeys: [] }),
    (error: unknown) => error instanceof MissingDataKeyError && error.key === key.id,
  );
  keyring.add(grant);
  assert.equal(openText(withKey, "order", { keyring, sealingKeys: [] }), "o1.order");
  const direct = sealTextTo([otherSeal.publicKey, agentSeal.publicKey], "o1.order", "order");
  assert.equal(openText(direct, "order", { sealingKeys: [agentSeal] }), "o1.order");
  assert.ok(isSealedText(direct) && isSealedText(withKey) && !isSealedText("o1.order"));
  assert.throws(() => openText(direct, "elsewhere", { sealingKeys: [agentSeal] }), refusedBecause("cannot-open"));
  assert.throws(() => openText(withKey, "elsewhere", { keyring, sealingKeys: [] }), refusedBecause("cannot-open"));
  assert.throws(() => openText(direct, "order", { sealingKeys: [] }), refusedBecause("cannot-open"));
  assert.throws(() => openText("o1.order", "order", { sealingKeys: [] }), refusedBecause("not-sealed"));
});

test("text from anywhere is opened or refused, never anything else", () => {
  const keyring = new Keyring([agentSeal], trustGateway);
  const { key, grant } = issueDataKey("events", [agentSeal.publicKey], agentKey, NOW);
  const samples = [sealTextWith(key, "x", "c"), sealTextTo([agentSeal.publicKey], "x", "c"), JSON.stringify(grant)];
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.nat(), fc.string(), fc.nat(20), (sample, at, noise, cut) => {
      const place = at % sample.length;
      const text = sample.slice(0, place) + noise + sample.slice(place + cut);
      try {
        openText(text, "c", { keyring, sealingKeys: [agentSeal] });
      } catch (error) {
        assert.ok(error instanceof SecurityError);
      }
    }),
    { numRuns: 500 },
  );
});
