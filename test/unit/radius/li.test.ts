import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { RadiusError } from "../../../src/radius/errors.js";
import { type Hop, hideSalted } from "../../../src/radius/hiding.js";
import { type LiValues, revealLi, withoutLi } from "../../../src/radius/li.js";
import type { Attribute } from "../../../src/radius/packet.js";
import { vendorValue } from "../../../src/radius/vendor.js";
import { attributeOf, bytes } from "./arbitraries.js";

const HOP: Hop = { secret: Buffer.from("secret"), authenticator: Buffer.alloc(16, 9) };
const ERX = 4874;
const NOKIA = 6527;

function vsa(vendor: number, type: number, value: Buffer): Attribute {
  return { type: 26, value: vendorValue(vendor, type, value) };
}

function hidden(vendor: number, type: number, hex: string): Attribute {
  return vsa(vendor, type, hideSalted(Buffer.from(hex, "hex"), HOP, 0x8000 + type));
}

/** Several sub-attributes in one attribute 26. */
function packed(vendor: number, ...attributes: Attribute[]): Attribute {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(vendor);
  return { type: 26, value: Buffer.concat([head, ...attributes.map(({ value }) => value.subarray(4))]) };
}

const FOUR = [
  hidden(ERX, 58, "00000001"),
  hidden(ERX, 59, "0000030000000090"),
  hidden(ERX, 60, "c6336409"),
  hidden(ERX, 61, "0000754e"),
];

const REVEALED: LiValues = {
  "ERX-LI-Action": ["1"],
  "ERX-Med-Dev-Handle": ["0x0000030000000090"],
  "ERX-Med-Ip-Address": ["198.51.100.9"],
  "ERX-Med-Port-Number": ["30030"],
};

describe("LI attributes in packets", () => {
  it("are decrypted, one to an attribute or several", () => {
    assert.deepEqual(revealLi(FOUR, HOP), REVEALED);
    assert.deepEqual(revealLi([packed(ERX, ...FOUR)], HOP), REVEALED);
    assert.equal(revealLi([vsa(ERX, 1, Buffer.from("vr1"))], HOP), undefined);
  });

  it("are refused in the clear, with a tag, with another secret, in a broken Vendor-Specific, at a wrong length", () => {
    const refused: Attribute[] = [
      vsa(ERX, 58, Buffer.of(0, 0, 0, 1)),
      vsa(ERX, 58, Buffer.concat([Buffer.of(1), hideSalted(Buffer.of(0, 0, 0, 1), HOP, 0x8000)])),
      vsa(ERX, 58, hideSalted(Buffer.of(0, 0, 0, 1), { ...HOP, secret: Buffer.from("other") }, 0x8000)),
      { type: 26, value: Buffer.from("0000130a3aff00", "hex") },
      hidden(ERX, 58, "01"),
      hidden(ERX, 60, "c633640900"),
    ];
    for (const attribute of refused) assert.throws(() => revealLi([attribute], HOP), RadiusError);
  });

  it("are taken out, and nothing else changes", () => {
    const name = { type: 1, value: Buffer.from("alice") };
    const dns = vsa(ERX, 4, Buffer.of(192, 0, 2, 53));
    const other = vsa(9, 58, Buffer.of(1));
    assert.deepEqual(withoutLi([name, ...FOUR, dns, other]), [name, dns, other]);
    assert.deepEqual(withoutLi([packed(ERX, FOUR[0] as Attribute, dns, FOUR[1] as Attribute), name]), [dns, name]);
    const untouched = [name, dns, other];
    assert.equal(withoutLi(untouched), untouched);
    assert.deepEqual(withoutLi([{ type: 26, value: Buffer.from("0000130a3aff00", "hex") }, name]), [name]);
  });

  it("never survive, whatever stands around them", () => {
    const types = fc.constantFrom<[number, number]>(
      [ERX, 58],
      [ERX, 59],
      [ERX, 60],
      [ERX, 61],
      [NOKIA, 122],
      [NOKIA, 139],
    );
    const mixed = fc.array(
      fc.oneof(
        attributeOf(),
        types.map(([vendor, type]) => hidden(vendor, type, "00000001")),
        types.map(([vendor, type]) =>
          packed(vendor, vsa(vendor, 1, Buffer.from("x")), hidden(vendor, type, "00000001")),
        ),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(mixed, (attributes) => {
        const kept = withoutLi(attributes);
        assert.equal(revealLi(kept, HOP), undefined);
        assert.equal(withoutLi(kept), kept);
        assert.deepEqual(
          kept.filter(({ type }) => type !== 26),
          attributes.filter(({ type }) => type !== 26),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("are decrypted or refused with a RadiusError, whatever their bytes", () => {
    const garbage = fc.tuple(fc.constantFrom(ERX, NOKIA), fc.integer({ min: 0, max: 255 }), bytes(0, 240));
    fc.assert(
      fc.property(garbage, ([vendor, type, value]) => {
        try {
          revealLi([vsa(vendor, type, value)], HOP);
        } catch (error) {
          assert.ok(error instanceof RadiusError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
