/** Events from outside: what is taken, what is refused, and that nothing else ever happens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EventError } from "../../../src/events/errors.js";
import { type ParsedEvent, parseEvent } from "../../../src/events/parse.js";
import type { ErrorCause } from "../../../src/events/types.js";
import { li, radiusEvent } from "../../support/events.js";

const parse = (value: unknown, subject?: string): ParsedEvent =>
  parseEvent(Buffer.from(JSON.stringify(value)), subject);

function refusal(action: () => unknown): EventError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof EventError, String(error));
    return error;
  }
  throw new Error("it was not refused");
}

test("the event of the documentation is read", () => {
  const event = parse(
    radiusEvent("coa", {
      id: "0197-a",
      time: "2026-11-22T07:00:00.123Z",
      attributes: { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IPv6-Prefix": ["2001:db8:1::/64"] },
      li: li("on"),
    }),
    "radius.bng1.coa",
  );
  assert.deepEqual(event, {
    id: "0197-a",
    type: "coa",
    nas: "bng1",
    time: Date.UTC(2026, 10, 22, 7, 0, 0, 123),
    attributes: { "User-Name": "alice", "Acct-Session-Id": "1048577", "Framed-IPv6-Prefix": ["2001:db8:1::/64"] },
    li: { kind: "plain", order: li("on") },
  });
});

/** Each: what is changed in a good event, and the field that the refusal names. */
const REFUSED: readonly [string, (event: Record<string, unknown>) => unknown, string][] = [
  ["not an object", () => [], "event"],
  ["no id", ({ id: _id, ...rest }) => rest, "id"],
  ["an id that is no subject token", (event) => ({ ...event, id: "a.b" }), "id"],
  ["an id with a wildcard", (event) => ({ ...event, id: "a>" }), "id"],
  ["an id that is too long", (event) => ({ ...event, id: "x".repeat(129) }), "id"],
  ["another specversion", (event) => ({ ...event, specversion: "0.3" }), "specversion"],
  ["no source", (event) => ({ ...event, source: "" }), "source"],
  ["an unknown type", (event) => ({ ...event, type: "radius.access-reject" }), "type"],
  ["a type that is a property of every object", (event) => ({ ...event, type: "constructor" }), "type"],
  ["a time without zone", (event) => ({ ...event, time: "2026-11-22T07:00:00" }), "time"],
  ["a time that is none", (event) => ({ ...event, time: "2026-13-22T07:00:00Z" }), "time"],
  ["binary data", (event) => ({ ...event, datacontenttype: "text/plain" }), "datacontenttype"],
  ["no data", ({ data: _data, ...rest }) => rest, "data"],
  ["no NAS", (event) => ({ ...event, data: { attributes: {} } }), "data.nas"],
  ["no attributes", (event) => ({ ...event, data: { nas: "bng1" } }), "data.attributes"],
  [
    "an attribute that is a number",
    (event) => ({ ...event, data: { nas: "bng1", attributes: { "NAS-Port": 5 } } }),
    "data.attributes.NAS-Port",
  ],
  [
    "an attribute name that is none",
    (event) => ({ ...event, data: { nas: "bng1", attributes: { "a b": "c" } } }),
    "data.attributes",
  ],
];

for (const [what, change, field] of REFUSED) {
  test(`refused: ${what}`, () => {
    const good = radiusEvent("accounting-start", { id: "good", attributes: { "User-Name": "alice" } });
    const error = refusal(() => parse(change({ ...good })));
    assert.equal(error.field, field);
    assert.ok(error.message.startsWith(field === "event" ? "the event" : field), error.message);
    const named = !["event", "id"].includes(field);
    assert.equal(error.eventId, named ? "good" : undefined);
  });
}

test("refused: no JSON, and more bytes than an event may have", () => {
  assert.equal(refusal(() => parseEvent(Buffer.from("{"))).field, "event");
  assert.equal(refusal(() => parseEvent(Buffer.alloc(300_000, 32))).field, "event");
});

test("refused: an event on another NAS's subject", () => {
  const event = radiusEvent("coa", { nas: "bng1" });
  assert.equal(refusal(() => parse(event, "radius.bng2.coa")).field, "data.nas");
  assert.equal(refusal(() => parse(event, "radius.bng1.disconnect")).field, "data.nas");
});

test("a NAS's name becomes one subject token", () => {
  assert.equal(parse(radiusEvent("coa", { nas: "192.0.2.1 *>" }), "radius.192_0_2_1___.coa").nas, "192.0.2.1 *>");
});

/** What is wrong with the instruction, the field and the Error-Cause. The event itself stays good. */
const BAD_LI: readonly [string, unknown, string, ErrorCause][] = [
  ["no action", { ...li("on"), action: undefined }, "li.action", 402],
  ["no handle", { ...li("on"), handle: undefined }, "li.handle", 402],
  ["no mediation", { ...li("on"), mediation: undefined }, "li.mediation", 402],
  ["no port", { ...li("on"), mediation: { address: "198.51.100.9" } }, "li.mediation.port", 402],
  ["no address", { ...li("on"), mediation: { port: 1 } }, "li.mediation.address", 402],
  ["an unknown action", { ...li("on"), action: "maybe" }, "li.action", 404],
  ["a 3-byte handle", li("on", { handle: "000003" }), "handle", 404],
  ["a 5-byte handle", li("on", { handle: "0000030000" }), "handle", 404],
  ["an 8-byte handle with top bits 01", li("on", { handle: "4000030000000090" }), "handle", 404],
  ["a 4-byte handle with top bits 00", li("on", { handle: "00000300" }), "handle", 404],
  ["a 4-byte handle with top bits 11", li("on", { handle: "c0000300" }), "handle", 404],
  ["a handle that is no hex", li("on", { handle: "zzzzzzzz" }), "handle", 404],
  ["a host name", li("on", { mediation: { address: "md.example.net", port: 30030 } }), "mediation.address", 404],
  ["a short form of an address", li("on", { mediation: { address: "10.1", port: 30030 } }), "mediation.address", 404],
  ["an octal address", li("on", { mediation: { address: "010.0.0.1", port: 30030 } }), "mediation.address", 404],
  ["a multicast address", li("on", { mediation: { address: "224.0.0.1", port: 30030 } }), "mediation.address", 404],
  ["the unspecified address", li("on", { mediation: { address: "::", port: 30030 } }), "mediation.address", 404],
  ["port 0", li("on", { mediation: { address: "198.51.100.9", port: 0 } }), "mediation.port", 404],
  ["port 70000", li("on", { mediation: { address: "198.51.100.9", port: 70_000 } }), "mediation.port", 404],
  ["a port with a fraction", li("on", { mediation: { address: "198.51.100.9", port: 1.5 } }), "mediation.port", 404],
  ["a port in quotes", { ...li("on"), mediation: { address: "198.51.100.9", port: "1" } }, "li.mediation.port", 404],
  ["an unknown direction", { ...li("on"), direction: "up" }, "li.direction", 404],
  [
    "an intercept id of 30 bits behind a Nokia header",
    li("on", { handle: "2000000000000090", header: "nokia" }),
    "handle",
    404,
  ],
  ["something that is not understood", { ...li("on"), sampling: 64 }, "li", 401],
  ["null", null, "li", 404],
  ["an empty seal", "", "li", 404],
];

for (const [what, instruction, field, errorCause] of BAD_LI) {
  test(`an instruction with ${what} is refused, naming ${field}`, () => {
    const event = radiusEvent("coa", { attributes: { "User-Name": "alice" } });
    const parsed = parse({ ...event, data: { ...event.data, li: instruction } });
    assert.equal(parsed.li.kind, "refused");
    if (parsed.li.kind !== "refused") return;
    assert.ok(parsed.li.problem.field.startsWith(field), parsed.li.problem.field);
    assert.ok(parsed.li.problem.message.includes(field), parsed.li.problem.message);
    assert.equal(parsed.li.problem.errorCause, errorCause);
  });
}

test("an instruction in accounting is refused; a sealed one is left to who has the key", () => {
  assert.equal(parse(radiusEvent("accounting-start", { li: li("on") })).li.kind, "refused");
  assert.deepEqual(parse(radiusEvent("coa", { li: "sealed.text" })).li, { kind: "sealed", text: "sealed.text" });
});

test("mediation addresses become canonical, so that a stop in another spelling is the same", () => {
  const instruction = li("on", { handle: "0x00000300000000AB", mediation: { address: "2001:DB8:0:0::9", port: 1 } });
  const parsed = parse(radiusEvent("coa", { li: instruction }));
  assert.deepEqual(parsed.li, {
    kind: "plain",
    order: { action: "on", handle: "00000300000000ab", mediation: { address: "2001:db8::9", port: 1 } },
  });
});

test("whatever the bytes, a message is an event or an EventError that quotes nothing of it", () => {
  const good = JSON.stringify(
    radiusEvent("coa", {
      attributes: { "User-Name": "subject-name", "Framed-IP-Address": "100.64.0.7" },
      li: li("on"),
    }),
  );
  const mutated = fc
    .array(fc.record({ at: fc.nat(good.length - 1), cut: fc.nat(12), put: fc.string({ maxLength: 6 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), good))
    .map((text) => Buffer.from(text));
  const nested = fc.json({ maxDepth: 4 }).map((json) => Buffer.from(good.replace(/"li":.*\}\}/, `"li":${json}}}`)));
  const random = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(fc.oneof(mutated, nested, random), (bytes) => {
      try {
        parseEvent(bytes);
      } catch (error) {
        assert.ok(error instanceof EventError, String(error));
        assert.doesNotMatch(error.message, /subject-name|100\.64\.0\.7/);
      }
    }),
    { numRuns: 20_000 },
  );
});
