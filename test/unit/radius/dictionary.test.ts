import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { loadDictionary } from "../../../src/gateway/dictionaries.js";
import { type DictionaryFile, readDictionary } from "../../../src/radius/dictionary-reader.js";
import { RadiusError } from "../../../src/radius/errors.js";

function read(text: string, others: Readonly<Record<string, string>> = {}) {
  return readDictionary([{ path: "main", text }], (_from, name): DictionaryFile | undefined =>
    others[name] === undefined ? undefined : { path: name, text: others[name] },
  );
}

describe("the dictionary reader", () => {
  it("reads attributes, flags, values and comments", () => {
    const { standard } = read(`
# a comment
ATTRIBUTE	Service-Type	6	integer	# and another
ATTRIBUTE	Tunnel-Password	69	string	has_tag,encrypt=2
ATTRIBUTE	User-Password	0x02	string	encrypt=1
VALUE	Service-Type	Login-User	1
VALUE	Service-Type	Framed-User	0x02
ATTRIBUTE	Internal-Thing	1077	string
`);
    assert.equal(standard.get(6)?.name, "Service-Type");
    assert.deepEqual(
      [...(standard.get(6)?.names ?? [])],
      [
        [1n, "Login-User"],
        [2n, "Framed-User"],
      ],
    );
    assert.deepEqual(
      [69, 2].map((type) => [standard.get(type)?.hiding, standard.get(type)?.tagged]),
      [
        ["salted", true],
        ["password", false],
      ],
    );
    assert.equal(standard.size, 3);
  });

  it("reads vendors, their formats, and files that are included", () => {
    const { vendors, byName } = read("$INCLUDE other\n$INCLUDE- not-there\n", {
      other: `VENDOR	WiMAX	24757	format=1,1,c
BEGIN-VENDOR	WiMAX
ATTRIBUTE	WiMAX-Capability	1	tlv
BEGIN-TLV	WiMAX-Capability
ATTRIBUTE	WiMAX-Release	1	string
END-TLV	WiMAX-Capability
END-VENDOR	WiMAX
`,
    });
    assert.deepEqual(vendors.get(24757)?.format, { typeBytes: 1, lengthBytes: 1, continuation: true });
    assert.equal(vendors.get(24757)?.attributes.get(1)?.name, "WiMAX-Capability");
    assert.equal(byName.get("WiMAX-Release"), undefined);
  });

  const MISTAKES: readonly [string, string, RegExp][] = [
    ["an unknown keyword", "ATRIBUTE A 1 string", /^main:1: "ATRIBUTE" is not a keyword/],
    ["a line that is too short", "\nATTRIBUTE A 1", /^main:2: the line is too short$/],
    ["a number that is none", "ATTRIBUTE A one string", /^main:1: "one" is not a number$/],
    ["an unknown vendor", "BEGIN-VENDOR Acme", /^main:1: the vendor Acme is not defined above$/],
    ["a missing file", "$INCLUDE nothing", /^main:1: the included file nothing is missing$/],
    ["a strange format", "VENDOR A 1 format=3,1", /^main:1: "format=3,1" is not format=/],
  ];
  for (const [what, text, message] of MISTAKES) {
    it(`names file and line of ${what}`, () => {
      assert.throws(
        () => read(text),
        (error) => error instanceof RadiusError && error.reason === "dictionary" && message.test(error.message),
      );
    });
  }

  it("ends when files include one another", () => {
    assert.throws(() => read("$INCLUDE self", { self: "$INCLUDE self" }), /nested deeper than 16/);
  });
});

describe("the shipped dictionary", () => {
  const shipped = loadDictionary();

  it("has the LI attributes of both vendors, hidden", () => {
    for (const type of [58, 59, 60, 61])
      assert.equal(shipped.vendors.get(4874)?.attributes.get(type)?.hiding, "salted");
    for (const type of [122, 123, 124, 125, 138, 139]) {
      assert.equal(shipped.vendors.get(6527)?.attributes.get(type)?.hiding, "salted");
    }
  });

  it("agrees with FreeRADIUS's where that is installed", () => {
    const path = "/usr/share/freeradius/dictionary";
    assert.ok(existsSync(path), "the Debian package freeradius-common is needed for this test");
    const theirs = loadDictionary([path]);
    assert.ok(theirs.vendors.size > 100);
    for (const [name, ours] of shipped.byName) {
      const place = theirs.byName.get(name);
      assert.ok(place, `${name} is not known to FreeRADIUS`);
      assert.deepEqual(
        [place.vendor, place.type, place.definition.type, place.definition.hiding],
        [ours.vendor, ours.type, ours.definition.type, ours.definition.hiding],
        name,
      );
      for (const [number, value] of ours.definition.names)
        assert.equal(place.definition.names.get(number), value, name);
    }
  });
});
