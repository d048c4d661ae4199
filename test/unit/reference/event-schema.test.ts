/** The schema that publishers are given says what the agents' parser takes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { parse } from "yaml";
import { z } from "zod";
import { eventSchema, notificationSchema, resultSchema } from "../../../scripts/reference/event-schemas.js";
import { EventError } from "../../../src/events/errors.js";
import { parseEvent } from "../../../src/events/parse.js";
import { RADIUS_EVENT_TYPES } from "../../../src/events/types.js";

const REFERENCE = fileURLToPath(new URL("../../../../docs/reference/", import.meta.url));
const published = z.fromJSONSchema(JSON.parse(readFileSync(`${REFERENCE}event.schema.json`, "utf8")));

const SCHEMAS = { "in the code": eventSchema, "that is published": published };

/** Whether an agent takes it, its instruction too. */
function isTaken(event: unknown): boolean {
  try {
    // As strict mode does: what is sealed is a text, and nothing else is looked at then.
    const { li } = parseEvent(Buffer.from(JSON.stringify(event)), undefined, ({ sealed, attributes, li }) => {
      if (sealed === undefined) return { attributes, li };
      if (typeof sealed !== "string") throw new EventError("data.sealed", "data.sealed must be a string");
      return { attributes: {} };
    });
    return li.kind !== "refused";
  } catch (error) {
    if (error instanceof EventError) return false;
    throw error;
  }
}

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: digits, maxLength: digits });
const port = fc.integer({ min: 1, max: 65_535 });
const time = fc
  .date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const instruction = fc.record({
  action: fc.constantFrom("on", "off", "noop"),
  handle: fc.oneof(
    fc.tuple(fc.constantFrom("0", "1"), hex(15)).map(([first, rest]) => first + rest),
    fc.tuple(fc.constantFrom("4", "5"), hex(7)).map(([first, rest]) => `0x${first}${rest}`),
  ),
  mediation: fc.record({
    address: fc.constantFrom("198.51.100.9", "2001:db8:9::9"),
    port,
    portTo: optional(port),
  }),
  direction: optional(fc.constantFrom("both", "from", "to")),
  header: optional(fc.constantFrom("junos", "nokia")),
  notBefore: optional(fc.constant("2019-01-01T00:00:00Z")),
  notAfter: optional(time),
  dscp: optional(fc.integer({ min: 0, max: 63 })),
  dropPolicy: optional(
    fc.subarray(
      [
        { destination: "203.0.113.0/24" },
        { source: "100.64.0.7/32", protocol: 6, destinationPorts: [80, 443] },
        { dscp: 46 },
      ],
      { minLength: 1 },
    ),
  ),
  rate: optional(
    fc.record({ bytesPerSecond: fc.integer({ min: 1, max: 1e9 }), burstBytes: fc.integer({ min: 1, max: 1e9 }) }),
  ),
  snapLength: optional(fc.integer({ min: 68, max: 65_535 })),
  multicast: optional(fc.boolean()),
  match: optional(
    fc.array(
      fc.constantFrom(
        { kind: "ipv4", prefix: "100.64.0.7/32" },
        { kind: "ipv6", prefix: "2001:db8:1::/64" },
        { kind: "interface", name: "ppp7" },
        { kind: "vlan", svlan: 100, cvlan: 7 },
        { kind: "pppoe", sessionId: 17, mac: "02:00:5e:10:00:01" },
      ),
      { minLength: 1, maxLength: 16 },
    ),
  ),
  zone: optional(fc.constantFrom("vrf-1", "wholesale")),
});

const attributes = fc.dictionary(
  fc.constantFrom("User-Name", "Acct-Session-Id", "Framed-IP-Address", "Class"),
  fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 5 })),
);

const event = fc
  .record({
    id: fc.uuid(),
    type: fc.constantFrom(...RADIUS_EVENT_TYPES),
    time,
    attributes,
    li: optional(fc.oneof(instruction, fc.base64String({ minLength: 4, maxLength: 200 }))),
    sealed: fc.boolean(),
  })
  .map(({ id, type, time, attributes, li, sealed }) => {
    const asks = type === "access-accept" || type === "coa";
    const plain = { nas: "bng1", attributes, ...(asks && li !== undefined && { li }) };
    return asJson({
      specversion: "1.0",
      id,
      source: "radius/bng1",
      type: `radius.${type}`,
      time,
      data: sealed ? { nas: "bng1", sealed: "c2VhbGVk" } : plain,
    });
  });

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** Every place in it: one of them becomes something else. */
function places(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...path]];
  const inner = Object.entries(value).flatMap(([key, child]) => places(child, [...path, key]));
  return path.length === 0 ? inner : [[...path], ...inner];
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = changed(copy[key], rest, to);
  return asJson(copy);
}

const junk = fc.constantFrom<unknown>(
  undefined,
  null,
  "",
  "x",
  -1,
  0,
  1.5,
  1e9,
  true,
  [],
  {},
  { more: 1 },
  ["a", 7],
  "a".repeat(9000),
);

for (const [which, schema] of Object.entries(SCHEMAS)) {
  describe(`the event schema ${which}`, () => {
    test("takes what a publisher may send, as the parser does", () => {
      fc.assert(
        fc.property(event, (sent) => {
          assert.ok(isTaken(sent), "the parser takes it");
          const judged = schema.safeParse(sent);
          assert.ok(judged.success, JSON.stringify(judged.error?.issues));
        }),
        { numRuns: 300 },
      );
    });

    test("refuses nothing that the parser takes, whatever becomes of an event", () => {
      let refused = 0;
      fc.assert(
        fc.property(event, fc.nat(), junk, (sent, at, value) => {
          const all = places(sent);
          const broken = changed(sent, all[at % all.length] ?? [], value);
          const accepted = schema.safeParse(broken).success;
          if (isTaken(broken)) assert.ok(accepted, "the schema refuses what the parser takes");
          else if (!accepted) refused += 1;
        }),
        { numRuns: 2000 },
      );
      assert.ok(refused > 500, `${refused} of what the parser refuses, the schema refuses`);
    });
  });
}

test("results and notifications are what the schemas say", () => {
  assert.ok(
    resultSchema.safeParse({ node: "edge1", event: "e1", result: "rejected", errorCause: 404, detail: "x" }).success,
  );
  assert.ok(!resultSchema.safeParse({ node: "edge1", event: "e1", result: "maybe" }).success);
  assert.ok(notificationSchema.safeParse({ node: "edge1", kind: "LiServiceActivated", time: 1, sealed: "eA" }).success);
});

test("what AsyncAPI names is there", () => {
  const document = parse(readFileSync(`${REFERENCE}asyncapi.yaml`, "utf8")) as Record<string, Record<string, object>>;
  const resolve = (reference: string): unknown =>
    reference
      .slice(2)
      .split("/")
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, reference = ""]) => reference,
  );
  assert.ok(references.length > 10);
  for (const reference of references) {
    if (reference.startsWith("#/")) assert.ok(resolve(reference) !== undefined, reference);
    else readFileSync(`${REFERENCE}${reference}`);
  }
});
