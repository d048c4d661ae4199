/** The terms of an instruction: what is taken and becomes what, what is refused and by which field. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventError } from "../../../src/events/errors.js";
import { checkOrder, instructionFromObject } from "../../../src/events/li.js";
import type { LiInstruction } from "../../../src/events/types.js";
import { li } from "../../support/events.js";

const read = (object: unknown): LiInstruction => checkOrder(instructionFromObject(object)) as LiInstruction;

const ALL: Partial<LiInstruction> = {
  mediation: { address: "198.51.100.9", port: 30030, portTo: 30031 },
  notBefore: "2026-11-22T07:00:00.000Z",
  notAfter: "2026-12-22T07:00:00.000Z",
  dscp: 46,
  dropPolicy: [
    { source: "203.0.113.0/24", protocol: 17, sourcePorts: [443, 443] },
    { destination: "2001:db8:ffff::/48", dscp: 0 },
  ],
  rate: { bytesPerSecond: 1_000_000, burstBytes: 100_000 },
  snapLength: 128,
  multicast: true,
  match: [
    { kind: "ipv4", prefix: "203.0.113.0/24" },
    { kind: "ipv6", prefix: "2001:db8:7::/48" },
    { kind: "interface", name: "ppp0" },
    { kind: "vlan", svlan: 100, cvlan: 7 },
    { kind: "vlan", svlan: 101 },
    { kind: "pppoe", sessionId: 17, mac: "02:00:00:00:00:01" },
  ],
  zone: "red",
};

test("all terms are read, and what is read is read again", () => {
  const order = li("on", { direction: "to", header: "nokia", ...ALL });
  assert.deepEqual(read(order), order);
  assert.deepEqual(read(JSON.parse(JSON.stringify(read(order)))), order);
});

test("times become canonical", () => {
  const order = read(li("on", { notAfter: "2026-12-22T07:00:00.1234567+00:00" }));
  assert.equal(order.notAfter, "2026-12-22T07:00:00.123Z");
});

const drop = (...terms: unknown[]): object => ({ dropPolicy: terms });
const match = (entry: unknown): object => ({ match: [{ kind: "ipv4", prefix: "192.0.2.0/24" }, entry] });

/** Each: the terms, and the field that the refusal names. */
const REFUSED: readonly [string, object, string][] = [
  ["a time that is none", { notAfter: "tomorrow" }, "li.notAfter"],
  ["a time without zone", { notBefore: "2026-11-22T07:00:00" }, "li.notBefore"],
  ["a time as a number", { notAfter: 1_800_000_000 }, "li.notAfter"],
  ["an end before the begin", { notBefore: "2026-11-22T07:00:01Z", notAfter: "2026-11-22T07:00:00Z" }, "li.notAfter"],
  ["a DSCP of 64", { dscp: 64 }, "li.dscp"],
  ["a DSCP with a fraction", { dscp: 1.5 }, "li.dscp"],
  ["no rate in the rate", { rate: { burstBytes: 1 } }, "li.rate.bytesPerSecond"],
  ["a rate of 0", { rate: { bytesPerSecond: 0, burstBytes: 1 } }, "li.rate.bytesPerSecond"],
  ["a burst that is none", { rate: { bytesPerSecond: 1, burstBytes: -1 } }, "li.rate.burstBytes"],
  ["a rate in packets", { rate: { packetsPerSecond: 1 } }, "li.rate"],
  ["a snap length within the headers", { snapLength: 27 }, "li.snapLength"],
  ["a snap length of 65536", { snapLength: 65_536 }, "li.snapLength"],
  ["multicast in words", { multicast: "yes" }, "li.multicast"],
  ["a zone with blanks", { zone: "red zone" }, "li.zone"],
  ["a port for `to` of 0", { mediation: { address: "198.51.100.9", port: 1, portTo: 0 } }, "mediation.portTo"],
  ["a drop policy that is no array", { dropPolicy: {} }, "li.dropPolicy"],
  ["an empty drop policy", drop(), "li.dropPolicy"],
  ["17 terms", drop(...Array.from({ length: 17 }, (_, dscp) => ({ dscp }))), "li.dropPolicy"],
  ["an empty term", drop({}), "li.dropPolicy[0]"],
  ["a term with something else", drop({ port: 80 }), "li.dropPolicy[0]"],
  ["host bits in a term", drop({ source: "203.0.113.9/24" }), "li.dropPolicy[0].source"],
  ["a name in a term", drop({ dscp: 1 }, { destination: "www.example.net" }), "li.dropPolicy[1].destination"],
  ["one port only", drop({ sourcePorts: [80] }), "li.dropPolicy[0].sourcePorts"],
  ["ports the wrong way round", drop({ destinationPorts: [81, 80] }), "li.dropPolicy[0].destinationPorts"],
  ["port 65536", drop({ destinationPorts: [80, 65_536] }), "li.dropPolicy[0].destinationPorts"],
  ["protocol 256", drop({ protocol: 256 }), "li.dropPolicy[0].protocol"],
  ["two families in a term", drop({ source: "192.0.2.0/24", destination: "2001:db8::/32" }), "li.dropPolicy[0]"],
  ["ports of ICMP", drop({ protocol: 1, sourcePorts: [1, 2] }), "li.dropPolicy[0]"],
  ["the same term twice", drop({ dscp: 1 }, { dscp: 1 }), "li.dropPolicy[0]"],
  ["a prefix in a prefix", drop({ source: "203.0.113.0/24" }, { source: "203.0.113.8/29" }), "li.dropPolicy[1]"],
  ["a term within a wider one behind it", drop({ protocol: 6, dscp: 1 }, { protocol: 6 }), "li.dropPolicy[0]"],
  [
    "ports within ports",
    drop({ sourcePorts: [1, 100] }, { sourcePorts: [80, 90], destination: "203.0.113.0/24" }),
    "li.dropPolicy[1]",
  ],
  ["no match", { match: [] }, "li.match"],
  ["a match of no kind", match({}), "li.match[1].kind"],
  ["a match that is null", match(null), "li.match[1].kind"],
  ["an unknown kind of match", match({ kind: "mac", mac: "02:00:00:00:00:01" }), "li.match[1].kind"],
  ["host bits in a match", match({ kind: "ipv4", prefix: "192.0.2.1/24" }), "li.match[1].prefix"],
  ["the other family", match({ kind: "ipv4", prefix: "2001:db8::/32" }), "li.match[1].prefix"],
  ["everybody", match({ kind: "ipv6", prefix: "::/0" }), "li.match[1].prefix"],
  ["S-VLAN 4095", match({ kind: "vlan", svlan: 4095 }), "li.match[1].svlan"],
  ["C-VLAN 0", match({ kind: "vlan", svlan: 1, cvlan: 0 }), "li.match[1].cvlan"],
  ["no S-VLAN", match({ kind: "vlan", cvlan: 1 }), "li.match[1].svlan"],
  ["PPPoE session 0", match({ kind: "pppoe", sessionId: 0, mac: "02:00:00:00:00:01" }), "li.match[1].sessionId"],
  ["half a MAC", match({ kind: "pppoe", sessionId: 1, mac: "02:00:00" }), "li.match[1].mac"],
  ["an interface with a slash", match({ kind: "interface", name: "../eth0" }), "li.match[1].name"],
];

for (const [what, terms, field] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => read({ ...li("on"), ...terms }),
      (error: unknown) => {
        assert.ok(error instanceof EventError, String(error));
        assert.equal(error.field, field);
        assert.ok(error.message.startsWith(field), error.message);
        return true;
      },
    );
  });
}

const TAKEN: readonly [string, object][] = [
  ["terms that overlap in part", drop({ source: "203.0.113.0/24" }, { destination: "203.0.113.0/24" })],
  [
    "the same ports of two protocols",
    drop({ protocol: 6, sourcePorts: [80, 80] }, { protocol: 17, sourcePorts: [80, 80] }),
  ],
  ["neighbouring prefixes", drop({ source: "203.0.113.0/25" }, { source: "203.0.113.128/25" })],
  ["the same bits of two families", drop({ source: "0.0.0.0/8" }, { source: "::/8" })],
  ["16 terms", drop(...Array.from({ length: 16 }, (_, dscp) => ({ dscp })))],
];

for (const [what, terms] of TAKEN) {
  test(`taken: ${what}`, () => {
    assert.doesNotThrow(() => read({ ...li("on"), ...terms }));
  });
}

test("whatever the terms, they are an instruction or an EventError", () => {
  const keys = fc.constantFrom(...Object.keys(ALL), "source", "kind", "prefix");
  const values = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(keys, fc.jsonValue({ maxDepth: 2 })));
  fc.assert(
    fc.property(fc.dictionary(keys, fc.oneof(values, fc.array(values, { maxLength: 3 }))), (terms) => {
      try {
        read({ ...li("on"), ...terms });
      } catch (error) {
        assert.ok(error instanceof EventError, String(error));
      }
    }),
    { numRuns: 20_000 },
  );
});
