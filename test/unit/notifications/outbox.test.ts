import assert from "node:assert/strict";
import { test } from "node:test";
import { startEngine } from "../../../src/notifications/engine.js";
import { NotificationOutbox, type OutboxOptions } from "../../../src/notifications/outbox.js";
import type { SnmpChannel } from "../../../src/notifications/snmp-session.js";
import type { SnmpNotification } from "../../../src/notifications/varbinds.js";
import { until } from "../../support/poll.js";
import { temporaryDirectory } from "../../support/security.js";

class Channel implements SnmpChannel {
  readonly arrived: string[] = [];
  isThere = true;
  tries = 0;

  send(notifications: readonly SnmpNotification[]): Promise<void> {
    this.tries += 1;
    if (!this.isThere) return Promise.reject(new Error("nobody listens"));
    this.arrived.push(...notifications.map(({ oid }) => oid));
    return Promise.resolve();
  }

  close(): void {
    this.isThere = false;
  }
}

class Bench {
  readonly channel = new Channel();
  readonly counts = { sent: 0, retried: 0, dropped: 0 };
  readonly changes: boolean[] = [];
  time = 0;
  readonly outbox: NotificationOutbox;

  constructor(options: Partial<OutboxOptions> = {}) {
    this.outbox = new NotificationOutbox(this.channel, {
      limit: 5,
      keepMs: 1000,
      retryMs: 1,
      now: () => this.time,
      counted: (result, count) => {
        this.counts[result] += count;
      },
      changed: (isThere) => this.changes.push(isThere),
      ...options,
    });
  }

  add(...oids: readonly string[]): void {
    for (const oid of oids) this.outbox.add({ oid, varbinds: [] });
  }
}

test("notifications arrive in their order", async () => {
  const bench = new Bench();
  bench.add("1", "2", "3");
  await until("all have arrived", () => bench.channel.arrived.length === 3);
  assert.deepEqual(bench.channel.arrived, ["1", "2", "3"]);
  await until("they are counted", () => bench.counts.sent === 3);
  await bench.outbox.stop();
});

test("while the receiver is away they wait, the oldest go beyond the limit, and each is counted once", async () => {
  const bench = new Bench();
  bench.channel.isThere = false;
  bench.add("1", "2", "3", "4", "5", "6", "7");
  await until("it has been tried", () => bench.channel.tries > 3);
  assert.equal(bench.outbox.size, 5);
  assert.equal(bench.counts.dropped, 2);
  assert.ok(bench.counts.retried > 0);
  bench.channel.isThere = true;
  await until("the rest has arrived", () => bench.counts.sent === 5);
  assert.deepEqual(bench.channel.arrived, ["3", "4", "5", "6", "7"]);
  assert.deepEqual(bench.changes, [false, true]);
  await bench.outbox.stop();
});

test("what is too old is given up", async () => {
  const bench = new Bench();
  bench.channel.isThere = false;
  bench.add("1", "2");
  await until("it has been tried", () => bench.channel.tries > 2);
  bench.time = 1000;
  await until("they are given up", () => bench.outbox.size === 0);
  assert.deepEqual([bench.counts.dropped, bench.counts.sent], [2, 0]);
  await bench.outbox.stop();
});

test("at the end, what waits has one more try and is counted", async () => {
  const bench = new Bench({ retryMs: 60_000 });
  bench.channel.isThere = false;
  bench.add("1", "2");
  await until("it has been tried", () => bench.channel.tries > 0);
  await bench.outbox.stop();
  assert.equal(bench.counts.dropped, 2);
});

test("the engine counts its starts, and its time begins anew with each", () => {
  using directory = temporaryDirectory();
  let now = 5000;
  const engine = startEngine(directory.path, "8000000004656467653", () => now);
  assert.deepEqual([engine.boots, engine.time()], [1, 0]);
  now += 2500;
  assert.equal(engine.time(), 2);
  assert.equal(startEngine(directory.path, "80", () => now).boots, 2);
  assert.equal(startEngine(directory.path, "80", () => now).boots, 3);
});
