/** Raw vendor attributes, as FreeRADIUS's own modules would publish them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type EventLi, parseLi } from "../../../src/events/li.js";
import type { ErrorCause, RadiusAttributes } from "../../../src/events/types.js";

const JUNIPER = {
  "ERX-LI-Action": "on",
  "ERX-Med-Dev-Handle": "0x0000030000000090",
  "ERX-Med-Ip-Address": "198.51.100.9",
  "ERX-Med-Port-Number": "30030",
};
const NOKIA = {
  "Alc-LI-Action": "enable",
  "Alc-LI-Destination": "198.51.100.9:30030",
  "Alc-LI-Intercept-Id": "768",
  "Alc-LI-Session-Id": "144",
};
const MEDIATION = { address: "198.51.100.9", port: 30030 };

const TAKEN: readonly [string, RadiusAttributes, unknown][] = [
  ["Juniper's four", JUNIPER, { action: "on", handle: "0000030000000090", mediation: MEDIATION }],
  [
    "a number for the action",
    { ...JUNIPER, "ERX-LI-Action": "0" },
    { action: "off", handle: "0000030000000090", mediation: MEDIATION },
  ],
  [
    "a decoy",
    { ...JUNIPER, "ERX-LI-Action": "noop" },
    { action: "noop", handle: "0000030000000090", mediation: MEDIATION },
  ],
  ["Nokia's", NOKIA, { action: "on", handle: "0000030000000090", mediation: MEDIATION, header: "nokia" }],
  [
    "Nokia's without ids, which then are 0",
    { "Alc-LI-Action": "2", "Alc-LI-Destination": "[2001:db8::9]:30030" },
    { action: "on", handle: "0000000000000000", mediation: { address: "2001:db8::9", port: 30030 }, header: "nokia" },
  ],
  [
    "Nokia's with a direction",
    { ...NOKIA, "Alc-LI-Direction": "ingress" },
    { action: "on", handle: "0000030000000090", mediation: MEDIATION, direction: "from", header: "nokia" },
  ],
  [
    "Nokia's with both directions",
    { ...NOKIA, "Alc-LI-Direction": ["1", "2"] },
    { action: "on", handle: "0000030000000090", mediation: MEDIATION, header: "nokia" },
  ],
  ["Nokia's stop of whatever is in force", { "Alc-LI-Action": "disable" }, { action: "stop-in-force" }],
];

for (const [what, attributes, order] of TAKEN) {
  test(`taken: ${what}`, () => {
    assert.deepEqual(parseLi("coa", undefined, attributes), { kind: "plain", order });
  });
}

const without = (attributes: RadiusAttributes, name: string): RadiusAttributes =>
  Object.fromEntries(Object.entries(attributes).filter(([other]) => other !== name));

const REFUSED: readonly [string, RadiusAttributes, string, ErrorCause][] = [
  ...Object.keys(JUNIPER).map((name): [string, RadiusAttributes, string, ErrorCause] => [
    `three of the four, without ${name}`,
    without(JUNIPER, name),
    name,
    402,
  ]),
  ["an action that there is not", { ...JUNIPER, "ERX-LI-Action": "3" }, "ERX-LI-Action", 404],
  ["an action that every object has", { ...JUNIPER, "ERX-LI-Action": "constructor" }, "ERX-LI-Action", 404],
  ["two handles", { ...JUNIPER, "ERX-Med-Dev-Handle": ["40000300", "40000301"] }, "ERX-Med-Dev-Handle", 404],
  ["a port that is no number", { ...JUNIPER, "ERX-Med-Port-Number": "http" }, "ERX-Med-Port-Number", 404],
  ["port 70000", { ...JUNIPER, "ERX-Med-Port-Number": "70000" }, "mediation.port", 404],
  ["a host name", { ...JUNIPER, "ERX-Med-Ip-Address": "md.example.net" }, "mediation.address", 404],
  ["attributes of both vendors", { ...JUNIPER, ...NOKIA }, "ERX-LI-Action", 404],
  ["Nokia's without action", without(NOKIA, "Alc-LI-Action"), "Alc-LI-Action", 402],
  ["Nokia's start without destination", without(NOKIA, "Alc-LI-Destination"), "Alc-LI-Destination", 402],
  ["a mirror service's number", { ...NOKIA, "Alc-LI-Destination": "9999" }, "Alc-LI-Destination", 404],
  ["clear-dest-service", { ...NOKIA, "Alc-LI-Action": "4" }, "Alc-LI-Action", 404],
  ["some forwarding classes", { ...NOKIA, "Alc-LI-FC": ["be", "ef"] }, "Alc-LI-FC", 401],
  ["an intercept id of 31 bits", { ...NOKIA, "Alc-LI-Intercept-Id": "1073741824" }, "Alc-LI-Intercept-Id", 404],
  ["an intercept id of 30 bits, where 29 are left", { ...NOKIA, "Alc-LI-Intercept-Id": "536870912" }, "handle", 404],
];

for (const [what, attributes, field, errorCause] of REFUSED) {
  test(`refused: ${what}`, () => {
    const parsed: EventLi = parseLi("coa", undefined, attributes);
    assert.equal(parsed.kind, "refused");
    if (parsed.kind !== "refused") return;
    assert.ok(parsed.problem.field.startsWith(field), parsed.problem.field);
    assert.equal(parsed.problem.errorCause, errorCause);
  });
}

test("refused: an object beside the attributes", () => {
  assert.equal(parseLi("coa", {}, JUNIPER).kind, "refused");
});
