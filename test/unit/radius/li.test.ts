import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { RadiusError } from "../../../src/radius/errors.js";
import { type Hop, hideSalted } from "../../../src/radius/hiding.js";
import { type LiValues, revealLi, withoutLi } from "../../../src/radius/li.js";
import { readLi } from "../../../src/radius/li-instruction.js";
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

const NOKIA_OPTIONS = { services: { "9999": { address: "198.51.100.9", port: 30030 } }, directionBit: true };

function cause(values: LiValues): number | undefined {
  const reading = readLi(values, NOKIA_OPTIONS);
  return reading.kind === "refused" ? reading.errorCause : undefined;
}

function instructionOf(values: LiValues) {
  const reading = readLi(values, NOKIA_OPTIONS);
  return reading.kind === "instruction" ? reading.instruction : undefined;
}

describe("Juniper's rules", () => {
  it("four attributes make an instruction", () => {
    assert.deepEqual(readLi(REVEALED, NOKIA_OPTIONS), {
      kind: "instruction",
      instruction: {
        action: "on",
        handle: "0000030000000090",
        mediation: { address: "198.51.100.9", port: 30030 },
      },
    });
  });

  it("each of them is needed: 402", () => {
    for (const name of Object.keys(REVEALED)) {
      assert.equal(cause(Object.fromEntries(Object.entries(REVEALED).filter(([key]) => key !== name))), 402, name);
      assert.equal(cause({ [name]: REVEALED[name] as string[] }), 402, `only ${name}`);
    }
  });

  it("none may be malformed or occur twice: 404", () => {
    const broken: [string, string][] = [
      ["ERX-LI-Action", "3"],
      ["ERX-Med-Dev-Handle", "0x4000030000000090"],
      ["ERX-Med-Dev-Handle", "0x00000300"],
      ["ERX-Med-Dev-Handle", "0x80000300"],
      ["ERX-Med-Dev-Handle", "0x000003"],
      ["ERX-Med-Dev-Handle", "0x"],
      ["ERX-Med-Ip-Address", "mediation.example"],
      ["ERX-Med-Ip-Address", "2001:db8::9"],
      ["ERX-Med-Port-Number", "0"],
      ["ERX-Med-Port-Number", "70000"],
    ];
    for (const [name, value] of broken) assert.equal(cause({ ...REVEALED, [name]: [value] }), 404, `${name} ${value}`);
    for (const name of Object.keys(REVEALED)) {
      const value = (REVEALED[name] as string[])[0] as string;
      assert.equal(cause({ ...REVEALED, [name]: [value, value] }), 404, name);
    }
  });

  it("a handle of 4 bytes has 01 in front", () => {
    const reading = readLi({ ...REVEALED, "ERX-Med-Dev-Handle": ["0x40000300"] }, NOKIA_OPTIONS);
    assert.equal(reading.kind === "instruction" && reading.instruction.handle, "40000300");
  });
});

describe("Nokia's rules", () => {
  const on: LiValues = {
    "Alc-LI-Action": ["2"],
    "Alc-LI-Destination": ["9999"],
    "Alc-LI-Intercept-Id": ["768"],
    "Alc-LI-Session-Id": ["144"],
  };
  it("action, destination and identifiers make an instruction", () => {
    assert.deepEqual(instructionOf(on), {
      action: "on",
      handle: "0000030000000090",
      mediation: { address: "198.51.100.9", port: 30030 },
      header: "nokia",
    });
    assert.equal(instructionOf({ ...on, "Alc-LI-Action": ["1"] })?.action, "noop");
    assert.equal(instructionOf({ ...on, "Alc-LI-Action": ["3"] })?.action, "off");
  });

  it("the direction is the subscriber's: ingress is from, egress is to", () => {
    assert.equal(instructionOf({ ...on, "Alc-LI-Direction": ["1"] })?.direction, "from");
    assert.equal(instructionOf({ ...on, "Alc-LI-Direction": ["2"] })?.direction, "to");
    assert.equal(cause({ ...on, "Alc-LI-Direction": ["3"] }), 404);
  });

  it("a destination is a service that is configured, or an address and a port", () => {
    assert.deepEqual(instructionOf({ ...on, "Alc-LI-Destination": ["203.0.113.5:4000"] })?.mediation, {
      address: "203.0.113.5",
      port: 4000,
    });
    for (const text of [
      "8888",
      "203.0.113.5",
      "203.0.113.5:0",
      "mediation.example:4000",
      "__proto__",
      "toString",
      "",
    ]) {
      assert.equal(cause({ ...on, "Alc-LI-Destination": [text] }), 404, text);
    }
  });

  it("identifiers left out are 0, and out of range are refused", () => {
    const { "Alc-LI-Action": action, "Alc-LI-Destination": destination } = on as Record<string, string[]>;
    const bare = instructionOf({ "Alc-LI-Action": action ?? [], "Alc-LI-Destination": destination ?? [] });
    assert.equal(bare?.handle, "0000000000000000");
    assert.equal(cause({ ...on, "Alc-LI-Intercept-Id": ["536870912"] }), 404);
    assert.equal(
      readLi({ ...on, "Alc-LI-Intercept-Id": ["536870912"] }, { ...NOKIA_OPTIONS, directionBit: false }).kind,
      "instruction",
    );
  });

  it("what cannot be honoured is refused: 401", () => {
    assert.equal(cause({ ...on, "Alc-LI-FC": ["5"] }), 401);
    assert.equal(cause({ ...on, "Alc-LI-Action": ["4"] }), 401);
  });

  it("an action without destination, or the reverse, is refused: 402", () => {
    assert.equal(cause({ "Alc-LI-Action": ["2"] }), 402);
    assert.equal(cause({ "Alc-LI-Destination": ["9999"] }), 402);
  });

  it("the two vendors do not mix: 404", () => {
    assert.equal(cause({ ...REVEALED, ...on }), 404);
  });

  it("any text is an instruction or refused", () => {
    const names = [...Object.keys(REVEALED), ...Object.keys(on), "Alc-LI-FC", "Alc-LI-Direction"];
    const values = fc.dictionary(fc.constantFrom(...names), fc.array(fc.string(), { maxLength: 2 }));
    fc.assert(fc.property(values, (drawn) => ["instruction", "refused"].includes(readLi(drawn, NOKIA_OPTIONS).kind)));
  });
});
