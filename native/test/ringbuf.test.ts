import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "node:test";
import { RingBuffer } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { FRAME, loadMaps } from "./helpers/objects.js";

failOnLeaks();

const object = loadMaps();
after(() => object.close());
const report = object.program("report");
const events = object.map("events");
const TC_ACT_SHOT = 2;

describe("a ring buffer", () => {
  beforeEach(() => {
    using ring = new RingBuffer(events, () => {});
    ring.consume();
  });

  it("hands over records in order, as copies", () => {
    const records: Buffer[] = [];
    using ring = new RingBuffer(events, (record) => records.push(record));
    assert.equal(ring.consume(), 0);
    report.testRun({ data: FRAME, repeat: 5 });
    assert.equal(ring.consume(), 5);
    const kept = records.map((record) => Buffer.from(record));
    report.testRun({ data: FRAME, repeat: 100 });
    ring.consume();
    assert.deepEqual(records.slice(0, 5), kept, "records do not change when the ring is reused");
    const sequences = records.map((record) => record.readBigUInt64LE(0));
    assert.equal(sequences.length, 105);
    sequences.forEach((sequence, i) => assert.equal(sequence, (sequences[0] ?? 0n) + BigInt(i)));
    assert.equal(records[0]?.readUInt32LE(8), FRAME.length);
  });

  it("polls", () => {
    let seen = 0;
    using ring = new RingBuffer(events, () => seen++);
    assert.equal(ring.poll(1), 0);
    report.testRun({ data: FRAME, repeat: 3 });
    assert.equal(ring.poll(1000), 3);
    assert.equal(seen, 3);
  });

  it("is full at some time, and takes records again once it is read", () => {
    using ring = new RingBuffer(events, () => {});
    // A record takes 24 of 4096 bytes.
    assert.equal(report.testRun({ data: FRAME, repeat: 1000 }).retval, TC_ACT_SHOT);
    assert.equal(ring.consume(), 170);
    assert.equal(report.testRun({ data: FRAME }).retval, 0);
    assert.equal(ring.consume(), 1);
  });

  it("rethrows what its handler throws and goes on with the next record", () => {
    let seen = 0;
    using ring = new RingBuffer(events, () => {
      seen++;
      if (seen === 2) throw new Error("from the handler");
    });
    report.testRun({ data: FRAME, repeat: 4 });
    assert.throws(() => ring.consume(), /^Error: from the handler$/);
    assert.equal(seen, 2);
    assert.equal(ring.consume(), 2);
    assert.equal(seen, 4);
  });

  it("is neither read nor closed by its handler", () => {
    for (const forbidden of [(ring: RingBuffer) => ring.close(), (ring: RingBuffer) => ring.consume()]) {
      const ring: RingBuffer = new RingBuffer(events, () => forbidden(ring));
      report.testRun({ data: FRAME });
      assert.throws(() => ring.consume(), /handler may neither read nor close it/);
      ring.close();
    }
  });

  it("refuses other maps, and to be read when it is closed", () => {
    assert.throws(() => new RingBuffer(object.map("numbers"), () => {}), /map "numbers" is of type array, not ringbuf/);
    const ring = new RingBuffer(events, () => {});
    ring.close();
    ring.close();
    assert.throws(() => ring.consume(), /the ring buffer is closed/);
  });

  it("can be opened more often than callbacks could be registered at a time", () => {
    for (let i = 0; i < 10_000; i++) new RingBuffer(events, () => {}).close();
  });
});
