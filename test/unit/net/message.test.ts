import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { NetlinkFormatError } from "../../../src/net/netlink/errors.js";
import {
  attribute,
  encodeMessage,
  nested,
  parseAttributes,
  parseMessages,
  text,
  textAttribute,
  u32,
  u32Attribute,
} from "../../../src/net/netlink/message.js";

describe("netlink messages", () => {
  test("have their length, type, flags, sequence and sender in front, in native byte order", () => {
    const bytes = encodeMessage(16, 0x301, 7, Buffer.from("0102030405060708", "hex"));
    assert.equal(bytes.toString("hex"), "180000001000010307000000000000000102030405060708");
  });

  test("come several in a datagram, each aligned to 4 bytes", () => {
    const odd = Buffer.concat([encodeMessage(16, 0, 1, Buffer.from("abcde")), Buffer.alloc(3)]);
    const messages = parseMessages(Buffer.concat([odd, encodeMessage(17, 2, 1, Buffer.from("fg"))]));
    assert.deepEqual(
      messages.map(({ type, flags, payload }) => [type, flags, payload.toString()]),
      [
        [16, 0, "abcde"],
        [17, 2, "fg"],
      ],
    );
  });

  test("what is encoded is parsed", () => {
    const values = fc.uniqueArray(fc.tuple(fc.nat(0x3fff), fc.uint8Array({ maxLength: 40 })), { selector: ([t]) => t });
    fc.assert(
      fc.property(fc.nat(0xffff), values, (type, attributes) => {
        const payload = Buffer.concat(attributes.map(([kind, value]) => attribute(kind, Buffer.from(value))));
        const [message] = parseMessages(encodeMessage(type, 0, 1, payload));
        assert.equal(message?.type, type);
        const parsed = parseAttributes(message?.payload ?? Buffer.alloc(0));
        assert.deepEqual(
          [...parsed].map(([kind, value]) => [kind, [...value]]),
          attributes.map(([kind, value]) => [kind, [...value]]),
        );
      }),
    );
  });

  test("nested attributes are flagged and found by their type", () => {
    const bytes = nested(18, attribute(1, text("veth")), attribute(2, u32(5)));
    assert.equal(bytes.readUInt16LE(2), 18 | 0x8000);
    const inner = parseAttributes(parseAttributes(bytes).get(18) ?? Buffer.alloc(0));
    assert.equal(textAttribute(inner, 1), "veth");
    assert.equal(u32Attribute(inner, 2), 5);
    assert.equal(u32Attribute(inner, 3), undefined);
    assert.equal(textAttribute(inner, 3), undefined);
  });

  for (const [what, bytes] of [
    ["a header that is cut off", Buffer.alloc(15)],
    ["a length of 0", Buffer.alloc(16)],
    ["a length beyond the datagram", encodeMessage(16, 0, 1, Buffer.alloc(8)).subarray(0, 20)],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(() => parseMessages(bytes), NetlinkFormatError);
    });
  }

  for (const [what, bytes] of [
    ["a header that is cut off", Buffer.from([4, 0, 1])],
    ["a length below 4", Buffer.from([3, 0, 1, 0])],
    ["a length beyond the message", Buffer.from([9, 0, 1, 0, 0, 0, 0, 0])],
  ] as const) {
    test(`an attribute with ${what} is refused`, () => {
      assert.throws(() => parseAttributes(bytes), NetlinkFormatError);
    });
  }

  test("a number that is too short is refused", () => {
    assert.throws(() => u32Attribute(new Map([[4, Buffer.alloc(2)]]), 4), NetlinkFormatError);
  });
});
