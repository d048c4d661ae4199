import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PublishedEvent, RadiusEvent } from "../../../src/events/types.js";
import { newEventId } from "../../../src/gateway/event-id.js";
import { makeEvent } from "../../../src/gateway/events.js";
import { Outbox } from "../../../src/gateway/outbox.js";
import { systemClock } from "../../../src/gateway/ports.js";
import { Spool } from "../../../src/gateway/spool.js";
import { until } from "../../support/poll.js";
import { FakeLog } from "./fakes.js";

let made = 0;
function event(): RadiusEvent {
  const now = Date.now();
  return makeEvent({
    id: newEventId(now),
    now,
    type: "accounting-start",
    nas: "bng1",
    attributes: { "Acct-Session-Id": String(made++) },
  });
}

/** A stream that keeps each id once, and can be away, or silent. */
class Stream {
  readonly ids: string[] = [];
  mode: "there" | "away" | "silent" = "there";

  publish = async ({ id }: PublishedEvent): Promise<void> => {
    if (this.mode === "away") throw new Error("away");
    if (this.mode === "silent") return new Promise(() => undefined);
    await Promise.resolve();
    if (!this.ids.includes(id)) this.ids.push(id);
  };
}

describe("the outbox", () => {
  let directory: string;
  let stream: Stream;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "submirror-outbox-"));
    stream = new Stream();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = async (withSpool = true) =>
    new Outbox({
      publish: stream.publish,
      spool: withSpool ? await Spool.open<RadiusEvent>({ directory, maxBytes: 10_000_000 }) : undefined,
      clock: systemClock,
      log: new FakeLog(),
      timeoutMs: 50,
      retryMs: 10,
    });

  it("stores straight while the bus is there", async () => {
    const outbox = await open();
    assert.equal(await outbox.store(event()), "stored");
    assert.equal(outbox.isSpooling, false);
    await outbox.close();
  });

  for (const mode of ["away", "silent"] as const) {
    it(`keeps the order when the bus goes ${mode} and comes back`, async () => {
      const outbox = await open();
      const events = Array.from({ length: 300 }, event);
      const outcomes: Promise<string>[] = [];
      for (const [index, each] of events.entries()) {
        if (index === 100) stream.mode = mode;
        outcomes.push(outbox.store(each));
        if (index % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const settled = await Promise.all(outcomes);
      assert.deepEqual(new Set(settled), new Set(["stored", "spooled"]));
      assert.ok(outbox.isSpooling);
      stream.mode = "there";
      const late = event();
      assert.notEqual(await outbox.store(late), "lost");
      await until("the spool has drained", () => !outbox.isSpooling);
      assert.deepEqual(
        stream.ids,
        [...events, late].map(({ id }) => id),
      );
      assert.equal(await outbox.store(event()), "stored");
      await outbox.close();
    });
  }

  it("goes straight again although events keep coming", async () => {
    const outbox = await open();
    stream.mode = "away";
    const ids: string[] = [];
    const outcomes: Promise<string>[] = [];
    const send = () => {
      const each = event();
      ids.push(each.id);
      outcomes.push(outbox.store(each));
    };
    const steady = setInterval(send, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    stream.mode = "there";
    await until("the spool has drained under load", () => !outbox.isSpooling);
    clearInterval(steady);
    const settled = await Promise.all(outcomes);
    assert.ok(settled.every((outcome) => outcome !== "lost"));
    assert.deepEqual(stream.ids, ids);
    await outbox.close();
  });

  it("drains what an earlier process left", async () => {
    stream.mode = "away";
    const first = await open();
    const events = Array.from({ length: 20 }, event);
    assert.deepEqual(new Set(await Promise.all(events.map((each) => first.store(each)))), new Set(["spooled"]));
    await first.close();
    stream.mode = "there";
    const second = await open();
    assert.ok(second.isSpooling);
    await until("the spool has drained", () => !second.isSpooling);
    assert.deepEqual(
      stream.ids,
      events.map(({ id }) => id),
    );
    await second.close();
  });

  it("says that an event is lost where there is no spool", async () => {
    stream.mode = "away";
    const outbox = await open(false);
    assert.equal(await outbox.store(event()), "lost");
    stream.mode = "there";
    assert.equal(await outbox.store(event()), "stored");
    await outbox.close();
  });

  it("publishes now or not at all", async () => {
    const outbox = await open();
    assert.equal(await outbox.publishNow(event()), true);
    stream.mode = "away";
    assert.equal(await outbox.publishNow(event()), false);
    assert.equal(outbox.isSpooling, false);
    await outbox.close();
  });
});
