/** Keys change while intercepts run: nothing stops, nothing is lost, and the old key is worth nothing in the end. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { writeSeed } from "../../../src/security/keys/files.js";
import { generateSealingSeed, sealingKeyFromSeed } from "../../../src/security/keys/sealing-key.js";
import { generateSigningSeed, signerFromSeed } from "../../../src/security/keys/signing-key.js";
import { startTestAgent, type TestAgent } from "../../support/agent.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { makeStrictKeys, type StrictKeys, StrictPublisher } from "../../support/strict.js";
import { activation, Desk, modification } from "../../support/tasking.js";

const subscriber = (id: number) => ({
  "User-Name": `user${id}`,
  "Acct-Session-Id": String(id),
  "Framed-IP-Address": `100.64.0.${id}`,
});
const coa = (id: number, action: "on" | "off" = "on") =>
  radiusEvent("coa", { attributes: { "User-Name": `user${id}` }, li: li(action, { handle: `0000030000000${id}90` }) });
/** An agent that is started anew, with further settings, on a node whose kernel knows of nothing. */
function oneAgent(url: string, keys: StrictKeys) {
  let agent: TestAgent | undefined;
  const stop = async (): Promise<void> => agent?.stop();
  const restart = async (more: object): Promise<FakeDatapath> => {
    await stop();
    const datapath = new FakeDatapath();
    agent = await startTestAgent({ url, datapath, mode: "strict", yaml: keys.yaml(more) });
    await agent.ready;
    return datapath;
  };
  return { restart, stop };
}

const keysOf = ({ specs }: FakeDatapath): string[] => [...specs.keys()].toSorted();

test("the agents' sealing key is changed without a gap, and the old one can be thrown away then", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const seed = generateSealingSeed();
  writeSeed(join(keys.directory, "next.seal"), seed, "of a test");
  const next = sealingKeyFromSeed(seed);
  const files = { old: keys.files.agentSeal, next: join(keys.directory, "next.seal") };
  const agents = (opens: readonly string[]) => [{ name: "edge", keys: [keys.agent.publicKey], opens }];
  const both = [keys.agentSeal.publicKey, next.publicKey];
  const { restart, stop } = oneAgent(nats.url, keys);
  try {
    const first = await restart({});
    const connection = await nats.connect();
    const old = await StrictPublisher.open(connection, keys.gateway, [keys.agentSeal.publicKey]);
    for (const id of [1, 2, 3]) await old.tell(radiusEvent("accounting-start", { attributes: subscriber(id) }));
    assert.equal((await old.ask(coa(1))).result, "applied");
    const desk = new Desk(connection, [keys.agentSeal.publicKey]);
    const warrant = { by: "user-name", value: "user2" } as const;
    assert.equal((await desk.ask(activation("t-1", warrant), keys.authority)).result, "applied");

    // 1: agents open with both, and are named with both; gateway and authorities still seal to the old one alone.
    const second = await restart({ sealingKeyFiles: [files.old, files.next], agents: agents(both) });
    assert.deepEqual(keysOf(second), keysOf(first));
    assert.equal((await old.ask(coa(3))).result, "applied");
    // 2: gateway and authorities seal to both; what the stream of tasks holds is ordered anew.
    const fresh = await StrictPublisher.open(connection, keys.gateway, both);
    assert.equal((await fresh.ask(coa(3, "off"))).result, "stopped");
    const newDesk = new Desk(connection, both);
    assert.equal((await newDesk.ask(modification("t-1", warrant), keys.authority)).result, "applied");
    assert.deepEqual(keysOf(second), keysOf(first));
    // 3: the old one is gone from everywhere.
    const third = await restart({ sealingKeyFiles: [files.next], agents: agents([next.publicKey]) });
    assert.deepEqual(keysOf(third), keysOf(first));
    const newest = await StrictPublisher.open(connection, keys.gateway, [next.publicKey]);
    assert.equal((await newest.ask(coa(1, "off"))).result, "stopped");
    assert.equal(third.specs.size, 1);
  } finally {
    await stop();
  }
});

test("a gateway's and an authority's signing key are changed without a gap, and the old ones order nothing more", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const [gateway, authority] = [signerFromSeed(generateSigningSeed()), signerFromSeed(generateSigningSeed())];
  const sections = keys.sections.security as { authorities: { name: string; keys: string[] }[] };
  const named = (change: (name: string, old: string[]) => string[]) =>
    sections.authorities.map((it) => ({ ...it, keys: change(it.name, it.keys) }));
  const next: Readonly<Record<string, string>> = { gw1: gateway.publicKey, north: authority.publicKey };
  const withNext = (name: string, old: string[]): string[] => [
    ...old,
    ...(next[name] === undefined ? [] : [next[name]]),
  ];
  const nextAlone = (name: string, old: string[]): string[] => (next[name] === undefined ? old : [next[name]]);
  const { restart: restartWith, stop } = oneAgent(nats.url, keys);
  const restart = (authorities: object): Promise<FakeDatapath> => restartWith({ authorities });
  try {
    await restart(named(withNext));
    const connection = await nats.connect();
    const readers = [keys.agentSeal.publicKey];
    const [old, fresh] = [
      await StrictPublisher.open(connection, keys.gateway, readers),
      await StrictPublisher.open(connection, gateway, readers),
    ];
    const desk = new Desk(connection, readers);
    for (const id of [1, 2, 3]) await old.tell(radiusEvent("accounting-start", { attributes: subscriber(id) }));
    assert.equal((await old.ask(coa(1))).result, "applied");
    assert.equal((await fresh.ask(coa(3))).result, "applied");
    const warrant = { by: "user-name", value: "user2" } as const;
    assert.equal((await desk.ask(activation("t-1", warrant), keys.authority)).result, "applied");
    assert.equal((await desk.ask(modification("t-1", warrant), authority)).result, "applied");

    const after = await restart(named(nextAlone));
    assert.equal(after.specs.size, 3, "what was ordered runs on");
    assert.equal((await fresh.ask(coa(1, "off"))).result, "stopped");
    assert.equal((await old.ask(coa(1))).result, "rejected");
    const byOther = activation("t-2", warrant, { handle: "40001235" });
    assert.equal((await desk.ask(byOther, keys.authority)).result, "rejected");
    assert.equal((await desk.ask(activation("t-3", warrant, { handle: "40001235" }), authority)).result, "applied");
  } finally {
    await stop();
  }
});

test("an agent's signing key is changed without a gap: what the old one has issued stays readable", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const seed = generateSigningSeed();
  const [file, next] = [join(keys.directory, "agent-2.sign"), signerFromSeed(seed).publicKey];
  writeSeed(file, seed, "of a test");
  const agents = (...signing: string[]) => [{ name: "edge", keys: signing, opens: [keys.agentSeal.publicKey] }];
  const { restart, stop } = oneAgent(nats.url, keys);
  try {
    const first = await restart({});
    const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
    await publisher.tell(radiusEvent("accounting-start", { attributes: subscriber(1) }));
    assert.equal((await publisher.ask(coa(1))).result, "applied");
    const second = await restart({ signingKeyFile: file, agents: agents(keys.agent.publicKey, next) });
    assert.deepEqual(keysOf(second), keysOf(first));
    const third = await restart({ signingKeyFile: file, agents: agents(next) });
    assert.deepEqual(keysOf(third), keysOf(first));
    assert.equal((await publisher.ask(coa(1, "off"))).result, "stopped");
  } finally {
    await stop();
  }
});
