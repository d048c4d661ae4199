/** Events as strict mode publishes them: nothing of the subscriber in the clear, and nothing that can be moved or changed. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { EventError } from "../../../src/events/errors.js";
import { type ContentsOpener, type ParsedEvent, parseEvent } from "../../../src/events/parse.js";
import type { SealedRadiusEvent } from "../../../src/events/types.js";
import { openEvent, sealEvent } from "../../../src/security/events/sealed-event.js";
import { parseOrder } from "../../../src/security/orders/payload.js";
import { parseSigned } from "../../../src/security/orders/signed.js";
import { DataKey } from "../../../src/security/seal/data-key.js";
import { Keyring } from "../../../src/security/seal/keyring.js";
import { MissingDataKeyError } from "../../../src/security/seal/text.js";
import { li, radiusEvent } from "../../support/events.js";
import { gatewayKey, HOUR, NOW } from "../../support/security.js";

const secret = randomBytes(32);
const keyring = new Keyring([], () => undefined);
keyring.hold(secret, { v: 1, key: new DataKey(secret).id, purpose: "events", by: gatewayKey.publicKey, at: NOW });
const sealing = { signer: gatewayKey, key: new DataKey(secret), orderValidityMs: HOUR, now: NOW };

const open: ContentsOpener = (data, frame) => openEvent(String(data.sealed), frame, keyring).contents;

function parsed(event: SealedRadiusEvent, opener = open): ParsedEvent {
  return parseEvent(Buffer.from(JSON.stringify(event)), undefined, opener);
}

const ATTRIBUTES = { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IP-Address": "100.64.0.7" };

test("an event comes out as it went in, and nothing of it is legible on the way", () => {
  const event = radiusEvent("coa", { attributes: ATTRIBUTES, li: li("on") });
  const sealed = sealEvent(event, sealing);
  const text = JSON.stringify(sealed);
  for (const secretText of ["alice", "1048577", "100.64", "198.51.100.9", "0300", "attributes", '"li"']) {
    assert.ok(!text.includes(secretText), secretText);
  }
  const { id, type, nas, attributes, li: instruction } = parsed(sealed);
  assert.deepEqual([id, type, nas, attributes], [event.id, "coa", "bng1", ATTRIBUTES]);
  assert.ok(instruction.kind === "sealed");
  const order = parseOrder(parseSigned(instruction.text).payload);
  assert.ok(order.kind === "radius");
  assert.deepEqual(order.li, li("on"));
  assert.deepEqual([order.event.id, order.notBefore, order.notAfter], [event.id, NOW, NOW + HOUR]);
});

test("an event without an instruction carries no order", () => {
  const sealed = sealEvent(radiusEvent("accounting-start", { attributes: ATTRIBUTES }), sealing);
  assert.deepEqual(parsed(sealed).li, { kind: "none" });
});

test("an instruction in the vendor's attributes becomes a signed order, and the attributes go", () => {
  const event = radiusEvent("coa", { attributes: { ...ATTRIBUTES, "Alc-LI-Action": "disable" } });
  const { attributes, li: instruction } = parsed(sealEvent(event, sealing));
  assert.deepEqual(attributes, ATTRIBUTES);
  assert.ok(instruction.kind === "sealed");
  const order = parseOrder(parseSigned(instruction.text).payload);
  assert.deepEqual(order.kind === "radius" && order.li, { action: "stop-in-force" });
});

test("what is sealed for one event opens in no other", () => {
  const sealed = sealEvent(radiusEvent("coa", { attributes: ATTRIBUTES, time: new Date(NOW).toISOString() }), sealing);
  const elsewhere: SealedRadiusEvent[] = [
    { ...sealed, id: "another" },
    { ...sealed, type: "radius.disconnect" },
    { ...sealed, time: new Date(NOW + 1).toISOString() },
    { ...sealed, data: { ...sealed.data, nas: "bng2" } },
    { ...sealed, data: { ...sealed.data, sealed: `${sealed.data.sealed.slice(0, -6)}AAAAAA` } },
    { ...sealed, data: { ...sealed.data, sealed: sealed.data.sealed.slice(0, 40) } },
    { ...sealed, data: { ...sealed.data, sealed: "" } },
  ];
  assert.deepEqual(parsed(sealed).attributes, ATTRIBUTES);
  for (const [at, event] of elsewhere.entries()) {
    assert.throws(
      () => parsed(event),
      (error: unknown) => error instanceof EventError && /altered, or sealed for another event/.test(error.message),
      String(at),
    );
  }
});

test("a key that is not there yet is named, so that it can be waited for", () => {
  const other = new DataKey(randomBytes(32));
  const sealed = sealEvent(radiusEvent("coa", { attributes: ATTRIBUTES }), { ...sealing, key: other });
  assert.throws(
    () => parsed(sealed),
    (error: unknown) => error instanceof MissingDataKeyError && error.key === other.id,
  );
});

test("a program without keys says so", () => {
  const sealed = sealEvent(radiusEvent("coa", { attributes: ATTRIBUTES }), sealing);
  assert.throws(
    () => parseEvent(Buffer.from(JSON.stringify(sealed))),
    /data\.sealed cannot be opened in security\.mode lab/,
  );
});
