/** Who administers NATS can delete, put back, swap and invent whatever is stored there; and starts nothing by it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { SESSION_BUCKET } from "../../../src/bus/streams.js";
import { startTestAgent, type TestAgent } from "../../support/agent.js";
import { auditEntries } from "../../support/audit.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats, type TestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { makeStrictKeys, type StrictKeys, StrictPublisher } from "../../support/strict.js";

const subscriber = (id: number) => ({
  "User-Name": `user${id}`,
  "Acct-Session-Id": String(id),
  "Framed-IP-Address": `100.64.0.${id}`,
});
const coa = (id: number, action: "on" | "off" = "on") =>
  radiusEvent("coa", { attributes: { "User-Name": `user${id}` }, li: li(action, { handle: `0000030000000${id}90` }) });

interface Bench {
  readonly nats: TestNats;
  readonly keys: StrictKeys;
  readonly publisher: StrictPublisher;
  readonly records: Awaited<ReturnType<Kvm["open"]>>;
  readonly datapath: FakeDatapath;
  readonly restart: () => Promise<FakeDatapath>;
}

/** Two sessions; the first is mirrored. */
async function withBench(body: (bench: Bench) => Promise<void>): Promise<void> {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  let agent: TestAgent | undefined;
  const restart = async (): Promise<FakeDatapath> => {
    await agent?.stop();
    const datapath = new FakeDatapath();
    agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
    await agent.ready;
    return datapath;
  };
  try {
    const datapath = await restart();
    const connection = await nats.connect();
    const publisher = await StrictPublisher.open(connection, keys.gateway, [keys.agentSeal.publicKey]);
    for (const id of [1, 2]) await publisher.tell(radiusEvent("accounting-start", { attributes: subscriber(id) }));
    assert.equal((await publisher.ask(coa(1))).result, "applied");
    const records = await new Kvm(connection).open(SESSION_BUCKET);
    await until("both records are stored", async () => (await keysIn(records)).length === 2);
    await body({ nats, keys, publisher, records, datapath, restart });
  } finally {
    await agent?.stop();
  }
}

async function keysIn(records: Bench["records"]): Promise<string[]> {
  const found: string[] = [];
  for await (const key of await records.keys()) found.push(key);
  return found.toSorted();
}

async function valuesOf(records: Bench["records"]): Promise<Map<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for (const key of await keysIn(records)) values.set(key, (await records.get(key))?.value ?? new Uint8Array());
  return values;
}

test("an old session record that is put back brings no intercept back", async () => {
  await withBench(async ({ publisher, records, restart, keys }) => {
    const old = await valuesOf(records);
    assert.equal((await publisher.ask(coa(1, "off"))).result, "stopped");
    await restart();
    for (const [key, value] of old) await records.put(key, value);
    const datapath = await restart();
    assert.equal(datapath.specs.size, 0);
    assert.ok(auditEntries(keys.directory).some(({ why }) => why === "an old record"));
  });
});

test("session records that are swapped, altered or invented mirror nobody else", async () => {
  await withBench(async ({ records, restart, datapath }) => {
    const ordered = datapath.only();
    const values = await valuesOf(records);
    const [[one, first], [other, second]] = [...values] as [[string, Uint8Array], [string, Uint8Array]];
    // The events themselves may be read again, from their signed originals: what they ordered, and nothing else.
    const assertNothingElse = async (what: string): Promise<void> => {
      for (const spec of (await restart()).specs.values()) assert.deepEqual(spec, ordered, what);
    };
    await records.put(one, second);
    await records.put(other, first);
    await assertNothingElse("swapped");
    for (const [key, value] of values) {
      const altered = Buffer.from(value);
      altered.writeUInt8((altered.readUInt8(altered.length - 1) + 1) & 0xff, altered.length - 1);
      await records.put(key, altered);
    }
    await assertNothingElse("altered");
    for (const key of values.keys()) await records.put(key, randomBytes(200));
    await records.put("bng1.invented", '{"nas":"bng1","intercepts":[]}');
    await assertNothingElse("invented");
    for (const [key, value] of values) await records.put(key, value);
    assert.equal((await restart()).specs.size, 1, "as they were");
  });
});

test("streams and buckets that are deleted take intercepts away, and add none", async () => {
  await withBench(async ({ nats, restart }) => {
    const manager = await jetstreamManager(await nats.connect());
    for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name);
    const datapath = await restart();
    assert.equal(datapath.specs.size, 0);
  });
});
