/** Who is known, what was answered already, which NAS is meant, and what several agents say together. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EventResult, ResultKind } from "../../../src/events/types.js";
import { AccountingIds } from "../../../src/gateway/accounting-id.js";
import { ClientTable } from "../../../src/gateway/clients.js";
import { type RadiusConfigInput, radiusConfigSchema } from "../../../src/gateway/config.js";
import { loadDictionary } from "../../../src/gateway/dictionaries.js";
import { newEventId } from "../../../src/gateway/event-id.js";
import { NasTable } from "../../../src/gateway/nas-table.js";
import { StickyStates } from "../../../src/gateway/sticky.js";
import type { Upstream } from "../../../src/gateway/upstream.js";
import { verdictOf } from "../../../src/gateway/verdict.js";
import type { Packet } from "../../../src/radius/packet.js";
import { FakeClock } from "./fake-clock.js";

function packet(...attributes: [number, Buffer | string][]): Packet {
  return {
    code: 4,
    identifier: 1,
    authenticator: Buffer.alloc(16, 1),
    attributes: attributes.map(([type, value]) => ({ type, value: Buffer.from(value) })),
  };
}

describe("clients", () => {
  it("are found by the longest prefix, in both families", () => {
    const clients = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "2001:db8:1::/48"];
    const table = new ClientTable(clients.map((address) => ({ address })));
    const found = (address: string) => table.find(address)?.address;
    for (const _again of [1, 2]) {
      assert.equal(found("192.0.2.7"), "192.0.2.7");
      assert.equal(found("192.0.2.8"), "192.0.2.0/24");
      assert.equal(found("203.0.113.1"), "0.0.0.0/0");
      assert.equal(found("::ffff:192.0.2.7"), "192.0.2.7");
      assert.equal(found("2001:db8:1::9"), "2001:db8:1::/48");
      assert.equal(found("2001:db8:2::9"), "2001:db8::/32");
      assert.equal(found("fe80::1%eth0"), undefined);
    }
  });
});

describe("the NAS that a request is for", () => {
  const dictionary = loadDictionary();
  const UPSTREAMS = [{ name: "a", address: "192.0.2.10", secret: "s" }];
  const table = (config: Partial<RadiusConfigInput>) =>
    new NasTable(radiusConfigSchema.parse({ upstreams: UPSTREAMS, clients: [], ...config }));
  const bng = (name: string, address: string, nasIdentifier?: string) => ({
    name,
    address,
    secret: "s",
    ...(nasIdentifier === undefined ? {} : { nasIdentifier }),
  });
  const id = (text: string): [number, string] => [32, text];
  const ip = (...bytes: number[]): [number, Buffer] => [4, Buffer.from(bytes)];
  const find = (nases: NasTable, ...attributes: [number, Buffer | string][]) => {
    const found = nases.find(packet(...attributes), dictionary);
    return found.kind === "found" ? found.nas : found.kind;
  };

  it("is the only one where none is named, and must be named where there are several", () => {
    assert.equal(find(table({ clients: [bng("a", "192.0.2.1", "bng.1")] })), "bng_1");
    const two = table({ clients: [bng("a", "192.0.2.1", "bng1"), bng("b", "192.0.2.2", "bng2")] });
    assert.equal(find(two), "unnamed");
    assert.equal(find(two, id("bng2")), "bng2");
    assert.equal(find(two, ip(192, 0, 2, 1)), "bng1");
    assert.equal(find(two, id("bng3")), "mismatch");
    assert.equal(find(two, id("bng1"), ip(192, 0, 2, 2)), "mismatch");
    assert.equal(find(two, ip(192, 0, 2, 99)), "mismatch");
  });

  it("is the configured one where none is named", () => {
    const clients = [bng("a", "192.0.2.1", "bng1"), bng("b", "192.0.2.2", "bng2")];
    assert.equal(find(table({ clients, nas: { identifier: "bng2" } })), "bng2");
    assert.equal(find(table({ clients, nas: { identifier: "other" } })), "other");
  });

  it("may be any where a client's identity is not configured", () => {
    const open = table({ clients: [bng("a", "192.0.2.0/24"), bng("b", "198.51.100.1", "bng2")] });
    assert.equal(find(open, id("bng7")), "bng7");
    assert.equal(find(open, id("bng2")), "bng2");
    assert.equal(find(open, ip(192, 0, 2, 77)), "192_0_2_77");
  });
});

describe("several agents together", () => {
  const say = (...kinds: ResultKind[]): EventResult[] => kinds.map((result) => ({ node: "n", event: "e", result }));
  const ACK = { kind: "ack" };
  const nak = (errorCause: number) => ({ kind: "nak", errorCause });

  it("one applied is enough, else the worst counts", () => {
    assert.deepEqual(verdictOf(say("rejected", "unknown-session", "applied")), ACK);
    assert.deepEqual(verdictOf(say("stopped")), ACK);
    assert.deepEqual(verdictOf(say("noop", "unknown-session")), ACK);
    assert.deepEqual(verdictOf(say("stopped", "rejected")), nak(404));
    assert.deepEqual(verdictOf(say("unknown-session", "unknown-session")), nak(503));
    assert.deepEqual(verdictOf([]), nak(502));
    assert.deepEqual(verdictOf([{ node: "n", event: "e", result: "rejected", errorCause: 506 }]), nak(506));
  });
});

describe("identifiers", () => {
  it("of events sort by time and do not repeat", () => {
    const ids = Array.from({ length: 1000 }, (_, index) => newEventId(1_795_000_000_000 + index));
    assert.deepEqual(ids.toSorted(), ids);
    const several = Array.from({ length: 1000 }, () => newEventId(0x0123456789ab));
    assert.equal(new Set(several).size, 1000);
    for (const id of several) assert.match(id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("of accounting records are the same for each try, and differ for each record", () => {
    const ids = new AccountingIds(Buffer.from("shared"));
    const stamp = Buffer.from("6745d3f0", "hex");
    const record = (session: string, ...more: [number, Buffer | string][]) =>
      packet([44, session], [40, Buffer.of(0, 0, 0, 1)], ...more);
    const of = (each: Packet, now: number, nas = "bng1") => ids.ofPacket(each, nas, now);
    const first = of(record("7", [55, stamp], [41, Buffer.of(0, 0, 0, 0)], [33, "state"]), 1000);
    assert.equal(of(record("7", [55, stamp], [41, Buffer.of(0, 0, 0, 5)]), 999_000), first);
    assert.equal(
      new AccountingIds(Buffer.from("shared")).ofPacket(record("7", [55, stamp]), "bng1", 5),
      first,
      "also by another gateway",
    );
    const stranger = new AccountingIds(Buffer.from("guessed")).ofPacket(record("7", [55, stamp]), "bng1", 1000);
    assert.notEqual(stranger, first, "nobody without the secret tries which record it is");
    assert.notEqual(of(record("8", [55, stamp]), 1000), first);
    assert.notEqual(of(record("7", [55, stamp]), 1000, "bng2"), first);
    const undated = of(record("7"), 1000);
    assert.equal(of(record("7", [41, Buffer.of(0, 0, 0, 9)]), 9000), undated);
    assert.notEqual(of(record("7"), 1_000_000), undated, "much later it is another record");
  });
});

it("a State is remembered for a minute at least and two at most", () => {
  const clock = new FakeClock();
  const states = new StickyStates(clock);
  const server = {} as Upstream;
  const state = Buffer.from("state");
  states.remember(state, server);
  clock.pass(59_000);
  states.remember(Buffer.from("other"), server);
  assert.equal(states.find(state), server);
  clock.pass(60_000);
  states.remember(Buffer.from("third"), server);
  clock.pass(61_000);
  states.remember(Buffer.from("fourth"), server);
  assert.equal(states.find(state), undefined);
});
