import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ReplyCache } from "../../../src/gateway/replies.js";
import { leftBehind } from "../../support/garbage.js";
import { FakeClock } from "./fake-clock.js";

const request = { code: 4, identifier: 1, authenticator: Buffer.alloc(16, 1), attributes: [] };
const anew = { ...request, authenticator: Buffer.alloc(16, 2) };

describe("the memory of answers", () => {
  it("knows a retransmission by source, identifier and authenticator", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 5000, 100);
    const arrival = cache.arrive("192.0.2.1 1645", request);
    assert.equal(arrival.kind, "new");
    assert.equal(cache.arrive("192.0.2.1 1645", request).kind, "pending");
    assert.equal(cache.arrive("192.0.2.1 1646", request).kind, "new");
    assert.equal(cache.arrive("192.0.2.1 1645", { ...request, identifier: 2 }).kind, "new");
    if (arrival.kind === "new") arrival.exchange.answer(Buffer.from("answer"));
    assert.deepEqual(cache.arrive("192.0.2.1 1645", request), { kind: "answered", reply: Buffer.from("answer") });
    assert.equal(cache.arrive("192.0.2.1 1645", anew).kind, "new", "the identifier is used again");
    assert.equal(cache.arrive("192.0.2.1 1645", anew).kind, "pending");
  });

  it("forgets an answer after its time, and what was given up at once", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 5000, 100);
    const arrival = cache.arrive("a", request);
    if (arrival.kind === "new") arrival.exchange.answer(Buffer.alloc(1));
    clock.pass(4999);
    assert.equal(cache.arrive("a", request).kind, "answered");
    clock.pass(1);
    const second = cache.arrive("a", request);
    assert.equal(second.kind, "new");
    if (second.kind === "new") second.exchange.abandon();
    assert.equal(cache.arrive("a", request).kind, "new");
  });

  it("is bounded", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 5000, 3);
    const kinds = ["a", "b", "c", "d"].map((source) => {
      const arrival = cache.arrive(source, request);
      if (arrival.kind === "new") arrival.exchange.answer(Buffer.alloc(1));
      return arrival.kind;
    });
    assert.deepEqual(kinds, ["new", "new", "new", "full"]);
    clock.pass(5000);
    assert.equal(cache.arrive("d", request).kind, "new");
    assert.equal(cache.size, 1);
  });

  it("gives answers of any length, each its own, and not what became of the bytes since", () => {
    const cache = new ReplyCache(new FakeClock(), 5000, 1000);
    const lengths = [20, 511, 512, 513, 4096, 1];
    const replies = lengths.map((length, index) => Buffer.alloc(length, index + 1));
    for (const [index, reply] of replies.entries()) {
      const arrival = cache.arrive(`source ${index}`, request);
      if (arrival.kind === "new") arrival.exchange.answer(reply);
    }
    const given = replies.map((_, index) => cache.arrive(`source ${index}`, request));
    for (const [index, arrival] of given.entries()) {
      assert.deepEqual(arrival, { kind: "answered", reply: Buffer.alloc(lengths[index] as number, index + 1) });
    }
  });

  it("takes only the first word about a request", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 5000, 1);
    const first = cache.arrive("a", request);
    if (first.kind === "new") first.exchange.abandon();
    const second = cache.arrive("a", anew);
    assert.equal(second.kind, "new", "in the place of the first");
    if (first.kind === "new") first.exchange.answer(Buffer.from("late"));
    assert.equal(cache.arrive("a", anew).kind, "pending");
    if (second.kind === "new") second.exchange.answer(Buffer.from("answer"));
    if (second.kind === "new") second.exchange.abandon();
    assert.deepEqual(cache.arrive("a", anew), { kind: "answered", reply: Buffer.from("answer") });
    assert.equal(cache.size, 1);
  });

  it("does not let the first request after a rush wait for all that is forgotten", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 5000, 20_000);
    for (let index = 0; index < 10_000; index++) {
      const arrival = cache.arrive(`source ${index}`, request);
      if (arrival.kind === "new") arrival.exchange.answer(Buffer.alloc(1));
    }
    clock.pass(5000);
    cache.arrive("another", request);
    assert.ok(cache.size > 9000, `${cache.size}`);
    for (let index = 0; index < 5000; index++) {
      const arrival = cache.arrive(`another ${index}`, anew);
      if (arrival.kind === "new") arrival.exchange.abandon();
    }
    assert.equal(cache.size, 1);
  });

  it("is what a Map of what was asked would be", () => {
    const requests = fc.record({ source: fc.nat(2), identifier: fc.nat(2), authenticator: fc.nat(2) });
    const step = fc.oneof(
      fc.record({ arrives: requests, answer: fc.constantFrom("now", "never", "later" as const) }),
      fc.record({ passes: fc.integer({ min: 1, max: 3000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const clock = new FakeClock();
        const cache = new ReplyCache(clock, 5000, 1000);
        const model = new Map<string, { readonly reply: Buffer | undefined; readonly until: number }>();
        for (const [index, each] of steps.entries()) {
          if ("passes" in each) {
            clock.pass(each.passes);
            continue;
          }
          const { source, identifier, authenticator } = each.arrives;
          const key = JSON.stringify(each.arrives);
          const arrival = cache.arrive(`${source}`, {
            ...request,
            identifier,
            authenticator: Buffer.alloc(16, authenticator),
          });
          const known = model.get(key);
          if (known !== undefined && known.until > clock.monotonic()) {
            const expected = known.reply === undefined ? { kind: "pending" } : { kind: "answered", reply: known.reply };
            assert.deepEqual(arrival, expected);
            continue;
          }
          assert.equal(arrival.kind, "new");
          if (arrival.kind !== "new") continue;
          const reply = Buffer.from(`answer ${index}`);
          model.delete(key);
          if (each.answer === "now") model.set(key, { reply, until: clock.monotonic() + 5000 });
          if (each.answer === "later") model.set(key, { reply: undefined, until: Infinity });
          if (each.answer === "now") arrival.exchange.answer(reply);
          if (each.answer === "never") arrival.exchange.abandon();
        }
      }),
    );
  });

  it("leaves nothing to the old generation of what was answered", () => {
    const clock = new FakeClock();
    const cache = new ReplyCache(clock, 100, 20_000);
    const reply = Buffer.from("answer");
    const left = leftBehind((index) => {
      clock.pass(1);
      const arrival = cache.arrive(`source ${index}`, request);
      if (arrival.kind === "new") arrival.exchange.answer(reply);
    });
    assert.ok(left < 2 * 2 ** 20, `${left} bytes`);
  });
});
