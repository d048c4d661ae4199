/** What property tests draw from. */
import * as fc from "fast-check";
import type { Attribute, Packet } from "../../../src/radius/packet.js";

export function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
}

export function attributeOf(): fc.Arbitrary<Attribute> {
  return fc.record({ type: fc.integer({ min: 1, max: 255 }), value: bytes(0, 253) }, { noNullPrototype: true });
}

export function packetOf(): fc.Arbitrary<Packet> {
  return fc.record(
    {
      code: fc.integer({ min: 0, max: 255 }),
      identifier: fc.integer({ min: 0, max: 255 }),
      authenticator: bytes(16, 16),
      attributes: fc.array(attributeOf(), { maxLength: 15 }),
    },
    { noNullPrototype: true },
  );
}
