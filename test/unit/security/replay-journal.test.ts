import assert from "node:assert/strict";
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { StateFileError } from "../../../src/security/errors.js";
import { ReplayJournal } from "../../../src/security/orders/replay-journal.js";
import { HOUR, NOW, temporaryDirectory } from "../../support/security.js";

test("orders are known after a restart, until they expire", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "orders.jsonl");
  const journal = new ReplayJournal(path, NOW);
  journal.take({ id: "one", place: "RADIUS:1", until: NOW + HOUR });
  journal.take({ id: "two", place: "TASKS:9", until: NOW + 2 * HOUR, task: { id: "t-1", serial: 3 } });
  journal.end("one", NOW + HOUR);
  journal.commit();
  journal.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);

  const again = new ReplayJournal(path, NOW);
  assert.deepEqual(
    [again.placeOf("one"), again.placeOf("two"), again.placeOf("three"), again.serialOf("t-1"), again.serialOf("t-2")],
    ["RADIUS:1", "TASKS:9", undefined, 3, 0],
  );
  assert.ok(again.hasEnded("one") && !again.hasEnded("two"));
  again.close();

  const later = new ReplayJournal(path, NOW + HOUR + 1);
  assert.deepEqual([later.placeOf("one"), later.placeOf("two"), later.hasEnded("one")], [undefined, "TASKS:9", false]);
  later.close();
});

test("what was not committed is not on the disk, and a torn line is cut off", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "orders.jsonl");
  const journal = new ReplayJournal(path, NOW);
  journal.take({ id: "one", place: "RADIUS:1", until: NOW + HOUR });
  journal.commit();
  journal.take({ id: "two", place: "RADIUS:2", until: NOW + HOUR });
  assert.ok(!readFileSync(path, "utf8").includes("two"));
  journal.commit();
  journal.close();
  truncateSync(path, statSync(path).size - 5);
  const again = new ReplayJournal(path, NOW);
  assert.deepEqual([again.placeOf("one"), again.placeOf("two")], ["RADIUS:1", undefined]);
  again.take({ id: "three", place: "RADIUS:3", until: NOW + HOUR });
  again.commit();
  again.close();
  assert.equal(new ReplayJournal(path, NOW).placeOf("three"), "RADIUS:3");
});

test("a line that somebody wrote into it is named, not overlooked", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "orders.jsonl");
  writeFileSync(path, '{"i":"one","p":"RADIUS:1","u":9e15}\n');
  appendFileSync(path, "not ours\n");
  assert.throws(
    () => new ReplayJournal(path, NOW),
    (error: unknown) => error instanceof StateFileError && error.message.includes("orders.jsonl:2"),
  );
});

test("it stays bounded: by a number, and on the disk by what is still of use", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "orders.jsonl");
  const journal = new ReplayJournal(path, NOW, 30_000);
  for (let at = 0; at < 30_000; at++) journal.take({ id: `order-${at}`, place: `RADIUS:${at}`, until: NOW + at });
  assert.ok(!journal.hasRoom);
  journal.commit();
  const full = statSync(path).size;
  journal.prune(NOW + 29_900);
  assert.ok(journal.hasRoom);
  assert.equal(journal.size, 100);
  assert.ok(statSync(path).size < full / 100);
  journal.take({ id: "next", place: "RADIUS:30000", until: NOW + HOUR });
  journal.commit();
  journal.close();
  const again = new ReplayJournal(path, NOW + 29_900);
  assert.deepEqual(
    [again.size, again.placeOf("next"), again.placeOf("order-29950")],
    [101, "RADIUS:30000", "RADIUS:29950"],
  );
});
