import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { RadiusError } from "../../../src/radius/errors.js";
import { type Attribute, decodePacket, encodePacket } from "../../../src/radius/packet.js";
import { bytes, packetOf } from "./arbitraries.js";

/** A header that states `length`, and as many bytes behind it as given. */
function datagram(length: number, attributes: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 1;
  header.writeUInt16BE(length, 2);
  return Buffer.concat([header, attributes]);
}

describe("packets", () => {
  it("come back from their bytes as they went in, attributes in order", () => {
    fc.assert(
      fc.property(packetOf(), (packet) => {
        const { bytes: raw, ...decoded } = decodePacket(encodePacket(packet));
        assert.deepEqual(decoded, packet);
        assert.equal(raw.readUInt16BE(2), raw.length);
      }),
    );
  });

  it("may be followed by padding, which is not theirs", () => {
    const packet = decodePacket(
      Buffer.concat([datagram(26, Buffer.from("0106616c6963", "hex")), Buffer.alloc(9, 0xff)]),
    );
    assert.deepEqual(packet.attributes, [{ type: 1, value: Buffer.from("alic") }]);
    assert.equal(packet.bytes.length, 26);
  });

  const REFUSED: readonly [string, Buffer][] = [
    ["shorter than a header", Buffer.alloc(19)],
    ["a length below 20", datagram(19, Buffer.alloc(0))],
    ["a length above what arrived", datagram(21, Buffer.alloc(0))],
    ["a length above 4096", datagram(4097, Buffer.alloc(4077))],
    ["an attribute of type 0", datagram(22, Buffer.of(0, 2))],
    ["an attribute length of 0", datagram(22, Buffer.of(1, 0))],
    ["an attribute length of 1", datagram(22, Buffer.of(1, 1))],
    ["an attribute that reaches beyond the packet", datagram(23, Buffer.of(1, 4, 0))],
    ["an attribute that is only a type", datagram(21, Buffer.of(1))],
  ];
  for (const [what, input] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodePacket(input), RadiusError);
    });
  }

  it("are at most 4096 bytes long", () => {
    const full: Attribute[] = Array.from({ length: 16 }, () => ({ type: 1, value: Buffer.alloc(252) }));
    const packet = { code: 1, identifier: 1, authenticator: Buffer.alloc(16), attributes: full };
    const last = { type: 1, value: Buffer.alloc(10) };
    assert.equal(encodePacket({ ...packet, attributes: [...full, last] }).length, 4096);
    assert.throws(
      () => encodePacket({ ...packet, attributes: [...full, { type: 1, value: Buffer.alloc(11) }] }),
      (error) => error instanceof RadiusError && error.reason === "too-long",
    );
  });

  it("reads any bytes, or refuses them with a RadiusError", () => {
    fc.assert(
      fc.property(bytes(0, 300), fc.boolean(), (input, fitting) => {
        if (fitting && input.length >= 20) input.writeUInt16BE(input.length, 2);
        try {
          const { attributes } = decodePacket(input);
          assert.equal(attributes.reduce((sum, { value }) => sum + value.length + 2, 20) <= input.length, true);
        } catch (error) {
          assert.ok(error instanceof RadiusError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
