/** `submirror task` and `submirror audit` as people run them, with a real nats-server and an agent. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import type { EventResult } from "../../../src/events/types.js";
import type { ListedTask } from "../../../src/tasking/client.js";
import { readOrderFile } from "../../../src/tasking/order-file.js";
import { startTestAgent } from "../../support/agent.js";
import { PROGRAM, type Ran, runProgramBeside } from "../../support/cli.js";
import { radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { makeStrictKeys, type StrictKeys, StrictPublisher } from "../../support/strict.js";

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "100", "Framed-IP-Address": "100.64.0.7" };
const WARRANT = [
  "--reference",
  "W-2026-0042",
  "--user-name",
  "alice",
  "--mediation",
  "198.51.100.9:30030",
  "--intercept-id",
  "4660",
];

interface Published {
  readonly task: string;
  readonly results: readonly EventResult[];
}

/** The configuration of an authority: its own keys, and the agents' public ones. */
function authorityConfig(keys: StrictKeys, url: string, who: "authority" | "second"): string {
  const { security } = keys.sections as { security: object };
  const own = { signingKeyFile: keys.files[who], sealingKeyFiles: [keys.files.reader] };
  const path = join(keys.directory, `${who}.yaml`);
  writeFileSync(path, stringify({ node: who, nats: { servers: [url] }, security: { ...security, ...own } }));
  return path;
}

function published({ out, err, status }: Ran, expected = 0): Published {
  assert.equal(status, expected, out + err);
  return JSON.parse(out) as Published;
}

test("a task is activated, listed and ended; whoever lacks the key learns its name alone", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  await using agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: ALICE }));
  const config = authorityConfig(keys, nats.url, "authority");
  const run = (...args: string[]): Promise<Ran> =>
    runProgramBeside("task", ...args, "--config", config, "--json", "--agents", "1", "--wait", "30");

  const { task, results } = published(await run("activate", ...WARRANT, "--for", "30d"));
  assert.deepEqual(
    results.map(({ node, result, detail }) => [node, result, detail]),
    [["edge1", "applied", "1 session now"]],
  );
  assert.equal(datapath.only().header.interceptId, 4660);

  const [listed] = JSON.parse((await run("list")).out) as ListedTask[];
  assert.deepEqual(
    [listed?.task, listed?.state, listed?.by, listed?.order?.warrant?.subject.value],
    [task, "in force", ["north"], "alice"],
  );
  const { security } = keys.sections as { security: object };
  const keyless = join(keys.directory, "keyless.yaml");
  writeFileSync(keyless, stringify({ nats: { servers: [nats.url] }, security: { ...security, sealingKeyFiles: [] } }));
  const nothing = await runProgramBeside("task", "list", "--config", keyless);
  assert.equal(nothing.out, `${task}  sealed to others\n`);

  assert.equal(published(await run("deactivate", "--id", task)).results[0]?.result, "stopped");
  assert.equal(datapath.specs.size, 0);
  const [ended] = JSON.parse((await run("list")).out) as ListedTask[];
  assert.equal(ended?.state, "ended");
  assert.equal(published(await run("deactivate", "--id", "t-unknown"), 1).results[0]?.errorCause, 501);
});

test("whom a task is about can be said on standard input, where no other user of the machine sees it", async () => {
  using keys = makeStrictKeys();
  const file = join(keys.directory, "order.txt");
  const config = authorityConfig(keys, "nats://127.0.0.1:1", "authority");
  const subject = WARRANT.map((word) => (word === "alice" ? "-" : word));
  const { status, stderr } = spawnSync(
    process.execPath,
    [PROGRAM, "task", "activate", ...subject, "--config", config, "--sign-only", file],
    { input: "alice\n", encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  assert.equal(readOrderFile(file).order.warrant?.subject.value, "alice");
});

test("two authorities sign one order, through a file that nobody else reads", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  await using agent = await startTestAgent({
    url: nats.url,
    datapath,
    mode: "strict",
    yaml: keys.yaml({ twoPersonRule: true }),
  });
  await agent.ready;
  const file = join(keys.directory, "order.txt");
  const [first, second] = [authorityConfig(keys, nats.url, "authority"), authorityConfig(keys, nats.url, "second")];
  const alone = await runProgramBeside(
    "task",
    "activate",
    ...WARRANT,
    "--config",
    first,
    "--json",
    "--agents",
    "1",
    "--wait",
    "30",
  );
  assert.match(published(alone, 1).results[0]?.detail ?? "", /two distinct authorities/);
  const signed = await runProgramBeside(
    "task",
    "activate",
    ...WARRANT,
    "--id",
    "t-1",
    "--config",
    first,
    "--sign-only",
    file,
  );
  assert.equal(signed.status, 0, signed.err);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const both = await runProgramBeside(
    "task",
    "sign",
    file,
    "--config",
    second,
    "--json",
    "--agents",
    "1",
    "--wait",
    "30",
  );
  assert.equal(published(both).results[0]?.result, "applied");
  assert.match(both.err, /"reference": "W-2026-0042"/, "whoever signs sees what");
});

test("audit verify finds what was done to the log, and audit show opens it for its readers", async () => {
  await using nats = await startTestNats();
  using keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  const agent = await startTestAgent({ url: nats.url, datapath, mode: "strict", yaml: keys.yaml() });
  await agent.ready;
  const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
  await publisher.tell(radiusEvent("accounting-start", { attributes: ALICE }));
  const authority = authorityConfig(keys, nats.url, "authority");
  await runProgramBeside("task", "activate", ...WARRANT, "--config", authority, "--agents", "1", "--wait", "30");
  await until("it is mirrored", () => datapath.specs.size === 1);
  await agent.stop();
  const config = join(keys.directory, "edge1.yaml");
  writeFileSync(config, `node: edge1\nnats: { servers: ["${nats.url}"] }\n${keys.yaml()}`);
  const verify = (...args: string[]): Promise<Ran> => runProgramBeside("audit", "verify", "--config", config, ...args);

  const good = await verify("--copies");
  assert.equal(good.status, 0, good.out + good.err);
  assert.match(good.out, /entries 1 to \d+ in 1 file fit/);
  assert.match(good.out, /^(\d+) of them are the same as their copies/m);

  const sealed = await runProgramBeside("audit", "show", "--config", config);
  assert.match(sealed.out, /order .*result="accepted"/);
  assert.ok(!sealed.out.includes("alice"));
  const opened = await runProgramBeside("audit", "show", "--config", config, "--open", keys.files.agentSeal);
  assert.match(opened.out, /alice/);

  const directory = join(keys.directory, "audit");
  const path = join(directory, readdirSync(directory).find((name) => name.startsWith("audit-")) ?? "");
  const lines = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, lines.toSpliced(2, 1).join("\n"));
  const cut = await verify();
  assert.deepEqual([cut.status, /entry 3 is missing/.test(cut.out)], [1, true], cut.out);
  const { misfit } = JSON.parse((await verify("--json")).out) as { misfit: { seq: number } };
  assert.equal(misfit.seq, 3);
  // Away from the node, with nothing but the log and the agent's public key.
  const away = await runProgramBeside("audit", "verify", "--directory", directory, "--key", keys.agent.publicKey);
  assert.equal(away.status, 1);
  writeFileSync(path, lines.join("\n"));
  assert.equal(
    (await runProgramBeside("audit", "verify", "--directory", directory, "--key", keys.agent.publicKey)).status,
    0,
  );
  const other = await runProgramBeside("audit", "verify", "--directory", directory, "--key", keys.gateway.publicKey);
  assert.match(other.out, /head\.json is not signed by a key of an agent/);
  assert.equal((await runProgramBeside("audit", "verify", "--directory", "/nonexistent", "--key", "U")).status, 2);
});
