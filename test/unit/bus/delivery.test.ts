import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deliveryOf } from "../../../src/bus/delivery.js";

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ0189_-=".split("")), minLength: 1, maxLength: 12 });
const number = fc.nat(2 ** 31 - 1);
/** Nanoseconds. A float has no room for all those since 1970. */
const time = fc.integer({ min: 0, max: 2 ** 52 });

test("places are read in the short form and in the long one", () => {
  fc.assert(
    fc.property(token, token, token, token, fc.boolean(), fc.boolean(), number, number, number, time, (...parts) => {
      const [domain, account, stream, consumer, isLong, hasRandom, seq, delivery, pending, nanoseconds] = parts;
      const from = isLong ? `${domain}.${account}.` : "";
      const random = isLong && hasRandom ? ".x7Gq" : "";
      const reply = `$JS.ACK.${from}${stream}.${consumer}.1.${seq}.${delivery}.${nanoseconds}.${pending}${random}`;
      assert.deepEqual(deliveryOf(reply), { seq, delivery, time: nanoseconds / 1e6, pending });
    }),
  );
});

test("a time of today is read to the microsecond", () => {
  const delivery = deliveryOf("$JS.ACK.RADIUS.agent_edge1.1.7.3.1795968000123456789.12");
  assert.ok(Math.abs((delivery?.time ?? 0) - 1_795_968_000_123.4568) < 0.001);
});

for (const reply of ["", "_INBOX.abc", "$JS.FC.x.y.z", "$JS.ACK.RADIUS.c.1.2.3.4", "$JS.ACK.a.b.c.d.1.2.3.4"])
  test(`"${reply}" is none`, () => assert.equal(deliveryOf(reply), undefined));
