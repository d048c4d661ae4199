import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { EventError } from "../../../src/events/errors.js";
import { orderInEvent, readOrder } from "../../../src/gateway/li-order.js";
import type { LiValues } from "../../../src/radius/li.js";

const JUNIPER: LiValues = {
  "ERX-LI-Action": ["1"],
  "ERX-Med-Dev-Handle": ["0x0000030000000090"],
  "ERX-Med-Ip-Address": ["198.51.100.9"],
  "ERX-Med-Port-Number": ["30030"],
};
const NOKIA: LiValues = {
  "Alc-LI-Action": ["2"],
  "Alc-LI-Destination": ["9999"],
  "Alc-LI-Intercept-Id": ["768"],
  "Alc-LI-Session-Id": ["144"],
};
const OPTIONS = { services: { "9999": { address: "198.51.100.9", port: 30030 } }, defaultPort: undefined };

function cause(values: LiValues): number | undefined {
  try {
    readOrder(values, OPTIONS);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof EventError);
    return error.errorCause;
  }
}

describe("orders in Juniper's attributes", () => {
  it("need all four: 402", () => {
    assert.deepEqual(readOrder(JUNIPER, OPTIONS), {
      action: "on",
      handle: "0000030000000090",
      mediation: { address: "198.51.100.9", port: 30030 },
    });
    for (const name of Object.keys(JUNIPER)) {
      assert.equal(cause(Object.fromEntries(Object.entries(JUNIPER).filter(([key]) => key !== name))), 402, name);
      assert.equal(cause({ [name]: JUNIPER[name] as string[] }), 402, `only ${name}`);
    }
  });

  const BROKEN: readonly [string, string][] = [
    ["ERX-LI-Action", "3"],
    ["ERX-Med-Dev-Handle", "0x4000030000000090"],
    ["ERX-Med-Dev-Handle", "0x00000300"],
    ["ERX-Med-Dev-Handle", "0x80000300"],
    ["ERX-Med-Dev-Handle", "0x000003"],
    ["ERX-Med-Dev-Handle", "0x"],
    ["ERX-Med-Ip-Address", "mediation.example"],
    ["ERX-Med-Port-Number", "0"],
    ["ERX-Med-Port-Number", "70000"],
  ];
  for (const [name, value] of BROKEN) {
    it(`refuse ${name} ${value}: 404`, () => {
      assert.equal(cause({ ...JUNIPER, [name]: [value] }), 404);
    });
  }

  it("refuse an attribute that occurs twice: 404", () => {
    for (const name of Object.keys(JUNIPER)) {
      const value = (JUNIPER[name] as string[])[0] as string;
      assert.equal(cause({ ...JUNIPER, [name]: [value, value] }), 404, name);
    }
  });
});

describe("orders in Nokia's attributes", () => {
  it("name a configured service, or an address and a port", () => {
    const mediation = { address: "198.51.100.9", port: 30030 };
    assert.deepEqual(readOrder(NOKIA, OPTIONS), {
      action: "on",
      handle: "0000030000000090",
      mediation,
      header: "nokia",
    });
    const elsewhere = readOrder({ ...NOKIA, "Alc-LI-Destination": ["203.0.113.5:4000"] }, OPTIONS);
    assert.deepEqual("mediation" in elsewhere && elsewhere.mediation, { address: "203.0.113.5", port: 4000 });
    const bare = { ...NOKIA, "Alc-LI-Destination": ["203.0.113.5"] };
    assert.equal(cause(bare), 404);
    const placed = readOrder(bare, { ...OPTIONS, defaultPort: 30030 });
    assert.deepEqual("mediation" in placed && placed.mediation, { address: "203.0.113.5", port: 30030 });
    const six = { services: { li6: { address: "2001:db8::9", port: 30030 } }, defaultPort: undefined };
    const placedSix = readOrder({ ...NOKIA, "Alc-LI-Destination": ["li6"] }, six);
    assert.deepEqual("mediation" in placedSix && placedSix.mediation, { address: "2001:db8::9", port: 30030 });
    for (const text of ["8888", "203.0.113.5:0", "mediation.example:4000", "__proto__", "toString", ""]) {
      assert.equal(cause({ ...NOKIA, "Alc-LI-Destination": [text] }), 404, text);
    }
  });

  it("are refused where they cannot be honoured, lack a part, or exceed a range", () => {
    assert.equal(cause({ ...NOKIA, "Alc-LI-FC": ["5"] }), 401);
    assert.equal(cause({ "Alc-LI-Action": ["2"] }), 402);
    assert.equal(cause({ "Alc-LI-Destination": ["9999"] }), 402);
    assert.equal(cause({ ...NOKIA, "Alc-LI-Intercept-Id": ["536870912"] }), 404);
    assert.equal(cause({ ...NOKIA, "Alc-LI-Direction": ["3"] }), 404);
    assert.equal(cause({ ...NOKIA, ...JUNIPER }), 404);
  });

  it("stop what is in force without repeating it", () => {
    const order = readOrder({ "Alc-LI-Action": ["3"] }, OPTIONS);
    assert.deepEqual(orderInEvent(order), { attributes: { "Alc-LI-Action": "disable" } });
  });
});

it("any text is an order or an EventError", () => {
  const names = [...Object.keys(JUNIPER), ...Object.keys(NOKIA), "Alc-LI-FC", "Alc-LI-Direction"];
  const texts = fc.oneof(fc.string(), fc.constantFrom("1", "2", "0x0000030000000090", "198.51.100.9", "30030", "9999"));
  const drawn = fc.dictionary(fc.constantFrom(...names), fc.array(texts, { minLength: 1, maxLength: 2 }));
  fc.assert(
    fc.property(drawn, (values) => {
      const found = cause(values);
      assert.ok(found === undefined || [401, 402, 404].includes(found));
    }),
    { numRuns: 2000 },
  );
});
