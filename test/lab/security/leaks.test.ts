/**
 * Strict mode with everything real: who has the bus, the disk or an account on the node, and no key, learns nothing of
 * whom is mirrored.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { makeStrictKeys } from "../../support/strict.js";
import { assertMirrored, assertOriginalsUntouched } from "../parts/assertions.js";
import { exchange } from "../parts/exchange.js";
import { httpGet } from "../parts/http.js";
import { until } from "../parts/poll.js";
import { withScenario } from "../parts/scenario.js";
import { expect } from "../parts/sessions.js";
import { type LiAttributes, userRecord } from "../parts/system.js";
import { ADDRESS, type Subscriber } from "../parts/topology.js";

const AT_LOGIN: LiAttributes = { action: "on", handle: "0000030000000090" };
const IN_SESSION: LiAttributes = { action: "on", handle: "0000030100000091" };
const SESSIONS = { alice: "1048577", bob: "1048578" };
const TAP = fileURLToPath(new URL("../parts/nats-tap.js", import.meta.url));
const SMALL = { downloadBytes: 1_000_000, uploadBytes: 300_000 };

/** What nobody may find, as text, and in the encodings in which it could stand. */
function needles(subscribers: readonly Subscriber[]): Map<string, Buffer> {
  const texts = [
    ADDRESS.mediation.ipv4,
    AT_LOGIN.handle,
    IN_SESSION.handle,
    ...Object.values(SESSIONS),
    ...subscribers.flatMap(({ name, ipv4, framedIpv6Prefix, delegatedIpv6Prefix }) => [
      // "bob" alone stands by chance in any megabyte of base64.
      name.length > 4 ? name : `"${name}"`,
      ipv4,
      framedIpv6Prefix.split("/")[0] ?? "",
      delegatedIpv6Prefix.split("/")[0] ?? "",
    ]),
  ];
  const found = new Map<string, Buffer>();
  for (const text of texts) {
    found.set(text, Buffer.from(text));
    if (text.length < 7) continue;
    found.set(`${text} in hex`, Buffer.from(Buffer.from(text).toString("hex")));
    // Without the ends, which depend on the neighbours.
    found.set(`${text} in base64`, Buffer.from(Buffer.from(text).toString("base64").slice(0, -4)));
  }
  return found;
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** These, and the programs that they have started: the nats-server. */
function processesOf(pids: readonly number[]): number[] {
  const children = pids.flatMap((pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" "));
  return [...pids, ...children.filter((text) => text.trim() !== "").map(Number)];
}

function search(what: string, bytes: Buffer, secrets: ReadonlyMap<string, Buffer>): string[] {
  return [...secrets].filter(([, secret]) => bytes.includes(secret)).map(([name]) => `${what} holds ${name}`);
}

it("who has the bus, the disk, the logs or the metrics finds no subject and no mediation device", async () => {
  using keys = makeStrictKeys();
  const users = ({ alice, bob }: { alice: Subscriber; bob: Subscriber }): string =>
    userRecord(alice, AT_LOGIN) + userRecord(bob);
  await withScenario({ users, configuration: keys.sections }, async (scenario) => {
    const { topology, actors, system, witness } = scenario;
    const { alice, bob, lab, edge } = topology;
    // What it prints is among the files that are searched.
    const tap = edge.start("tap", [process.execPath, TAP]);
    await tap.ready("its subscription", () => tap.stdout().includes("listening"));
    await actors.login({ subscriber: alice, id: SESSIONS.alice });
    await exchange(alice, SMALL);
    await actors.login({ subscriber: bob, id: SESSIONS.bob });
    await witness.quiet(bob);
    expect(await actors.changeMirroring(SESSIONS.bob, IN_SESSION), "CoA-ACK");
    await exchange(bob, SMALL);
    await witness.quiet(bob);
    await witness.quiet(alice);
    await tap.ready("a notification", () => tap.stdout().includes("submirror.li.edge.LiServiceActivated"));
    const metrics = (await httpGet(edge, "http://127.0.0.1:9464/metrics"))?.body ?? "";
    const gatewayMetrics = (await httpGet(edge, "http://127.0.0.1:9465/metrics"))?.body ?? "";
    await until(async () => ((await system.agentMetrics()).get("submirror_audit_copied_entries") ?? 0) > 4, {
      what: "copies of the audit log",
    });

    const secrets = needles([alice, bob]);
    const directories = [lab.path("nats"), keys.directory, lab.path("edge")];
    const files = directories.flatMap(filesUnder);
    const leaks = files.flatMap((path) => search(path, readFileSync(path), secrets));
    leaks.push(...search("/metrics of the agent", Buffer.from(metrics), secrets));
    leaks.push(...search("/metrics of the gateway", Buffer.from(gatewayMetrics), secrets));
    for (const pid of processesOf([system.agent.pid, system.gateway.pid])) {
      const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      for (const part of ["environ", "cmdline"]) {
        leaks.push(...search(`${part} of ${name}`, readFileSync(`/proc/${pid}/${part}`), secrets));
      }
    }
    assert.deepEqual(leaks, []);
    // It was not for want of looking: the stream's messages, the records and the audit log are among the files.
    const all = Buffer.concat(files.map((path) => readFileSync(path)));
    for (const present of [
      "radius.bng1.access-accept",
      "$KV.sessions.bng1.",
      "$KV.datakeys.",
      "submirror.audit.edge",
      '"kind":"order"',
    ]) {
      assert.ok(all.includes(present), present);
    }

    await witness.finish();
    const report = await system.mediation.finish();
    assertMirrored(scenario, report, { subscriber: alice, interceptId: 0x300, sessionId: 0x90, atLeast: 200 });
    assertOriginalsUntouched(scenario, alice, SMALL.downloadBytes);
  });
});
