import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { RadiusError } from "../../../src/radius/errors.js";
import {
  type Hop,
  hidePassword,
  hideSalted,
  rehidePassword,
  rehideSalted,
  revealPassword,
  revealSalted,
} from "../../../src/radius/hiding.js";
import { bytes } from "./arbitraries.js";

const hopOf = (): fc.Arbitrary<Hop> => fc.record({ secret: bytes(1, 64), authenticator: bytes(16, 16) });
const saltOf = () => fc.integer({ min: 0x8000, max: 0xffff });

function lengthOrRefused(hidden: Buffer, hop: Hop): number | "refused" {
  try {
    return revealSalted(hidden, hop).length;
  } catch (error) {
    assert.ok(error instanceof RadiusError);
    return "refused";
  }
}

describe("hidden values", () => {
  it("passwords come back padded with zeros to whole blocks", () => {
    fc.assert(
      fc.property(bytes(0, 128), hopOf(), (password, hop) => {
        const revealed = revealPassword(hidePassword(password, hop), hop);
        assert.equal(revealed.length % 16, 0);
        assert.deepEqual(revealed.subarray(0, password.length), password);
        assert.ok(revealed.subarray(password.length).every((byte) => byte === 0));
      }),
    );
  });

  it("salted values come back exactly", () => {
    fc.assert(
      fc.property(bytes(0, 239), hopOf(), saltOf(), (value, hop, salt) => {
        const hidden = hideSalted(value, hop, salt);
        assert.equal(hidden.readUInt16BE(0), salt);
        assert.deepEqual(revealSalted(hidden, hop), value);
      }),
    );
  });

  it("go from hop to hop without being understood", () => {
    fc.assert(
      fc.property(bytes(0, 100), hopOf(), hopOf(), saltOf(), (value, from, to, salt) => {
        const salted = rehideSalted(hideSalted(value, from, salt), from, to);
        assert.deepEqual(salted, hideSalted(value, to, salt));
        assert.deepEqual(rehidePassword(hidePassword(value, from), from, to), hidePassword(value, to));
      }),
    );
  });

  it("never come back as four bytes when the secret is another one", () => {
    // One in 256 reads as 15 bytes without padding: whoever wants four refuses that by its length.
    fc.assert(
      fc.property(bytes(4, 4), hopOf(), hopOf(), saltOf(), (value, hop, other, salt) => {
        fc.pre(!hop.secret.equals(other.secret));
        assert.notEqual(lengthOrRefused(hideSalted(value, hop, salt), other), 4);
      }),
    );
  });

  it("are refused at any other length than salt and blocks, or blocks", () => {
    const hop = { secret: Buffer.from("s"), authenticator: Buffer.alloc(16) };
    for (let length = 0; length <= 253; length++) {
      const value = Buffer.alloc(length);
      if (length < 18 || length % 16 !== 2) assert.throws(() => revealSalted(value, hop), RadiusError, String(length));
      if (length === 0 || length > 128 || length % 16 !== 0)
        assert.throws(() => revealPassword(value, hop), RadiusError);
    }
    assert.throws(() => hidePassword(Buffer.alloc(129), hop), RadiusError);
    assert.throws(() => hideSalted(Buffer.alloc(240), hop, 0x8000), RadiusError);
  });
});
