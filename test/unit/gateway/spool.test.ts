import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import * as fc from "fast-check";
import { Spool, SpoolDirectoryError, SpoolFullError } from "../../../src/gateway/spool.js";

describe("the spool", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "submirror-spool-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (more: { maxBytes?: number; segmentBytes?: number } = {}) =>
    Spool.open<number>({ directory, maxBytes: 1_000_000, ...more });
  const segments = () => readdirSync(directory).filter((name) => name.endsWith(".spool"));
  const drain = async (spool: Spool<number>, limit = 100) => {
    const all: number[] = [];
    for (;;) {
      const batch = await spool.read(limit);
      if (batch.records.length === 0) return all;
      all.push(...batch.records);
      await batch.commit(batch.records.length);
    }
  };

  it("gives back what was appended, in order, over several files, and leaves none behind", async () => {
    const spool = await open({ segmentBytes: 100 });
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    for (const number of numbers) await spool.append(number);
    assert.ok(segments().length > 10);
    assert.deepEqual(await drain(spool, 7), numbers);
    assert.ok(spool.isEmpty);
    assert.deepEqual(segments(), []);
    await spool.close();
  });

  it("is one process's at a time, and the next one's when that has let go of it", async () => {
    const first = await open();
    await first.append(1);
    await assert.rejects(
      open(),
      (error: Error) => error instanceof SpoolDirectoryError && /in use/.test(error.message),
    );
    await first.append(2);
    await first.close();
    const second = await open();
    assert.deepEqual(await drain(second), [1, 2]);
    await second.close();
  });

  it("keeps what is not committed, also for the next process", async () => {
    const first = await open();
    await Promise.all([1, 2, 3, 4, 5].map((number) => first.append(number)));
    const batch = await first.read(10);
    assert.deepEqual(batch.records, [1, 2, 3, 4, 5]);
    await batch.commit(2);
    assert.deepEqual((await first.read(10)).records, [3, 4, 5]);
    await first.close();
    const second = await open();
    assert.equal(second.isEmpty, false);
    await second.append(6);
    assert.deepEqual(await drain(second), [3, 4, 5, 6]);
    await second.close();
    const third = await open();
    assert.ok(third.isEmpty);
    await third.append(7);
    assert.deepEqual(await drain(third), [7]);
    await third.close();
  });

  it("cuts off a record that was never finished", async () => {
    const first = await open();
    await first.append(1);
    await first.close();
    const [name] = segments() as [string];
    appendFileSync(join(directory, name), 'deadbeef {"half');
    const second = await open();
    await second.append(2);
    assert.deepEqual(await drain(second), [1, 2]);
    assert.equal(second.damaged, 0);
    await second.close();
  });

  it("skips a damaged record and counts it", async () => {
    const first = await open();
    for (const number of [11, 22, 33]) await first.append(number);
    await first.close();
    const path = join(directory, segments()[0] as string);
    writeFileSync(path, readFileSync(path, "utf8").replace(" 22", " 23"));
    const second = await open();
    assert.deepEqual(await drain(second), [11, 33]);
    assert.equal(second.damaged, 1);
    await second.close();
  });

  it("reads everything again when the cursor is lost", async () => {
    const first = await open();
    for (const number of [1, 2, 3]) await first.append(number);
    await (await first.read(10)).commit(1);
    await first.close();
    truncateSync(join(directory, "cursor.json"), 0);
    const second = await open();
    assert.deepEqual(await drain(second), [1, 2, 3]);
    await second.close();
  });

  it("is bounded, and has room again when it has drained", async () => {
    const spool = await open({ maxBytes: 100 });
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => spool.append(index)));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    assert.ok(refused.length > 0 && refused.length < 50);
    for (const outcome of refused) assert.ok((outcome as PromiseRejectedResult).reason instanceof SpoolFullError);
    assert.equal((await drain(spool)).length, 50 - refused.length);
    await spool.append(99);
    assert.deepEqual(await drain(spool), [99]);
    await spool.close();
  });

  it("is for nobody else's eyes", async () => {
    const spool = await open();
    await spool.append(1);
    assert.equal(statSync(join(directory, segments()[0] as string)).mode & 0o777, 0o600);
    await spool.close();
  });

  it("loses and doubles nothing while it is filled, drained and reopened in any order", async () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ commit: fc.integer({ min: 0, max: 12 }) }),
      fc.constant({ reopen: true as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        rmSync(directory, { recursive: true, force: true });
        let spool = await open({ segmentBytes: 64 });
        const expected: number[] = [];
        let next = 0;
        for (const action of steps) {
          if ("append" in action) {
            const numbers = Array.from({ length: action.append }, () => next++);
            expected.push(...numbers);
            const appended = Promise.all(numbers.map((number) => spool.append(number)));
            if (action.append % 2 === 0) await appended;
            else await (await spool.read(1)).commit(0).then(() => appended);
          } else if ("commit" in action) {
            const batch = await spool.read(10);
            const count = Math.min(action.commit, batch.records.length);
            assert.deepEqual(batch.records.slice(0, count), expected.splice(0, count));
            await batch.commit(count);
          } else {
            await spool.close();
            spool = await open({ segmentBytes: 64 });
          }
        }
        assert.deepEqual(await drain(spool), expected);
        await spool.close();
      }),
      { numRuns: 60 },
    );
  });
});
