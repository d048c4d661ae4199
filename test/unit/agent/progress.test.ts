import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { pino } from "pino";
import { Progress } from "../../../src/agent/progress.js";

test("work that takes long says how far it is, every five seconds", () => {
  const lines: Record<string, unknown>[] = [];
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  let now = 0;
  const progress = new Progress(pino(output), "reading session records", () => now);
  for (let record = 1; record <= 12_000; record++) {
    now += 1;
    progress.done(1, 12_000 - record);
  }
  assert.deepEqual(
    lines.map(({ done, left, msg }) => [done, left, msg]),
    [
      [5000, 7000, "reading session records"],
      [10_000, 2000, "reading session records"],
    ],
  );
  const quick = new Progress(pino(output), "quick work", () => now);
  for (let record = 1; record <= 12_000; record++) quick.done(1);
  assert.equal(lines.length, 2);
});
