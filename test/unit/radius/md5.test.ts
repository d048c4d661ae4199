import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { hmacMd5, md5 } from "../../../src/radius/md5.js";
import { bytes } from "./arbitraries.js";

describe("MD5", () => {
  it("is that of node:crypto for every length up to three blocks", () => {
    for (let length = 0; length <= 200; length++) {
      const input = Buffer.alloc(length, length);
      assert.deepEqual(md5(input), createHash("md5").update(input).digest(), String(length));
    }
  });

  it("does not depend on how the input is cut", () => {
    fc.assert(
      fc.property(fc.array(bytes(0, 150), { maxLength: 8 }), (parts) => {
        assert.deepEqual(md5(...parts), createHash("md5").update(Buffer.concat(parts)).digest());
      }),
    );
  });

  it("makes the HMAC of node:crypto, with keys below, at and above a block", () => {
    fc.assert(
      fc.property(bytes(0, 140), fc.array(bytes(0, 150), { maxLength: 4 }), (secret, parts) => {
        const expected = createHmac("md5", secret).update(Buffer.concat(parts)).digest();
        assert.deepEqual(hmacMd5(secret, ...parts), expected);
        assert.deepEqual(hmacMd5(secret, ...parts), expected);
      }),
    );
  });
});
