import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type AttributeDefinition, VALUE_TYPES, type ValueType } from "../../../src/radius/dictionary.js";
import { RadiusError } from "../../../src/radius/errors.js";
import { valueFromText, valueToText } from "../../../src/radius/values.js";
import { bytes } from "./arbitraries.js";

function definition(type: ValueType, more: Partial<AttributeDefinition> = {}): AttributeDefinition {
  return { name: "Test", type, hiding: "none", tagged: false, names: new Map(), numbers: new Map(), ...more };
}

const EXAMPLES: readonly [ValueType, string, string][] = [
  ["string", "616c696365", "alice"],
  ["string", "c3a4", "ä"],
  ["octets", "0000030000000090", "0x0000030000000090"],
  ["octets", "", "0x"],
  ["ipaddr", "64400007", "100.64.0.7"],
  ["ipv6addr", "20010db8000000000000000000000001", "2001:db8::1"],
  ["ipv6prefix", "004020010db8000100000000000000000000", "2001:db8:1::/64"],
  ["ipv4prefix", "0018c0000200", "192.0.2.0/24"],
  ["integer", "00007fff", "32767"],
  ["integer64", "ffffffffffffffff", "18446744073709551615"],
  ["signed", "ffffffff", "-1"],
  ["short", "ffff", "65535"],
  ["byte", "07", "7"],
  ["date", "6744d3f0", "2024-11-25T19:45:52Z"],
  ["ether", "0200005e1053", "02:00:00:5e:10:53"],
  ["ifid", "0000000000000001", "0000:0000:0000:0001"],
  ["combo-ip", "64400007", "100.64.0.7"],
];

describe("values as text", () => {
  for (const [type, wire, text] of EXAMPLES) {
    it(`${type} ${text}`, () => {
      assert.equal(valueToText(definition(type), Buffer.from(wire, "hex")), text);
      assert.deepEqual(valueFromText(definition(type), text), Buffer.from(wire, "hex"));
    });
  }

  it("an IPv6 prefix may be cut short, and what lies beyond its length is zero", () => {
    assert.equal(valueToText(definition("ipv6prefix"), Buffer.from("002020010db8", "hex")), "2001:db8::/32");
    assert.equal(valueToText(definition("ipv6prefix"), Buffer.from("002420010db8ff", "hex")), "2001:db8:f000::/36");
  });

  it("numbers have names where the dictionary gives them", () => {
    const named = definition("integer", { names: new Map([[1n, "on"]]), numbers: new Map([["on", 1n]]) });
    assert.equal(valueToText(named, Buffer.of(0, 0, 0, 1)), "on");
    assert.equal(valueToText(named, Buffer.of(0, 0, 0, 9)), "9");
    assert.deepEqual(valueFromText(named, "on"), Buffer.of(0, 0, 0, 1));
  });

  it("tags are taken off", () => {
    const tagged = { tagged: true };
    assert.equal(valueToText(definition("string", tagged), Buffer.from("\x01lns1")), "lns1");
    assert.equal(valueToText(definition("string", tagged), Buffer.from("lns1")), "lns1");
    assert.equal(valueToText(definition("integer", tagged), Buffer.of(1, 0, 0, 3)), "3");
  });

  it("text that is not UTF-8 stays distinguishable", () => {
    assert.equal(valueToText(definition("string"), Buffer.from("61ff5c", "hex")), "a\\377\\134");
  });

  it("never fail to be written as text, whatever their bytes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...VALUE_TYPES), fc.boolean(), bytes(0, 253), (type, tagged, value) => {
        assert.equal(typeof valueToText(definition(type, { tagged }), value), "string");
      }),
      { numRuns: 3000 },
    );
  });

  it("come back from the text of any bytes that fit the type", () => {
    const exact: ValueType[] = [
      "octets",
      "ipaddr",
      "ipv6addr",
      "integer",
      "integer64",
      "signed",
      "short",
      "byte",
      "date",
    ];
    const others: ValueType[] = ["ether", "ifid", "tlv"];
    fc.assert(
      fc.property(fc.constantFrom(...exact, ...others), bytes(0, 16), (type, value) => {
        const text = valueToText(definition(type), value);
        if (type !== "octets" && type !== "tlv" && text.startsWith("0x")) return;
        assert.deepEqual(valueFromText(definition(type), text), value);
      }),
      { numRuns: 3000 },
    );
  });

  it("are refused with a RadiusError where the text is not of the type", () => {
    const refused: readonly [ValueType, string][] = [
      ["ipaddr", "10.1"],
      ["ipaddr", "010.0.0.1"],
      ["ipv6addr", "100.64.0.7"],
      ["ipv6prefix", "2001:db8::/129"],
      ["integer", "4294967296"],
      ["integer", "-1"],
      ["integer", "enable"],
      ["byte", "256"],
      ["octets", "abc"],
      ["date", "yesterday"],
      ["signed", "2147483648"],
    ];
    for (const [type, text] of refused) {
      assert.throws(() => valueFromText(definition(type), text), RadiusError, `${type} ${text}`);
    }
    fc.assert(
      fc.property(fc.constantFrom(...VALUE_TYPES), fc.string(), (type, text) => {
        try {
          assert.ok(Buffer.isBuffer(valueFromText(definition(type), text)));
        } catch (error) {
          assert.ok(error instanceof RadiusError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
