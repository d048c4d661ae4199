import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncQueue } from "../../../src/bus/async-queue.js";

async function take<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of queue) taken.push(value);
  return taken;
}

test("what is pushed before and while somebody reads arrives in order, until the end", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  const taking = take(queue);
  await Promise.resolve();
  queue.push(2);
  queue.push(3);
  setImmediate(() => {
    queue.push(4);
    queue.end();
    queue.push(5);
  });
  assert.deepEqual(await taking, [1, 2, 3, 4]);
});

test("its end is told once, also when the reader leaves", async () => {
  let ended = 0;
  const queue = new AsyncQueue<number>(() => ended++);
  queue.push(1);
  for await (const _ of queue) break;
  queue.end();
  assert.equal(ended, 1);
});
