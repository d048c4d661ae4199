/** A real FreeRADIUS that nobody stands in front of, and that posts its events to the gateway's HTTP end point. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Registry } from "prom-client";
import { radiusConfigSchema } from "../../../src/gateway/config.js";
import { startGateway } from "../../../src/gateway/gateway.js";
import { FakeBus, FakeLog } from "../../unit/gateway/fakes.js";
import { type RunningFreeradius, startFreeradius } from "../parts/freeradius.js";
import { freeUdpPorts } from "../parts/ports.js";
import { radclient } from "../parts/radclient.js";

const SECRET = "between nas and freeradius";
const PASSWORD = "sixteen letters or more";
const USERS = `alice Cleartext-Password := "wonderland"
	Framed-IP-Address = 100.64.0.7,
	Framed-IPv6-Prefix = 2001:db8:1::/64,
	Class = 0x0102,
	Filter-Id = "a/b \\"c\\" d",
	ERX-LI-Action = on,
	ERX-Med-Dev-Handle = 0x0000030000000090,
	ERX-Med-Ip-Address = 198.51.100.9,
	ERX-Med-Port-Number = 30030

bob Cleartext-Password := "builder"
	Framed-IP-Address = 100.64.0.8
`;

/** The sections as the guide shows them to people, so that what is documented is what is tested. */
function documented(name: string, port: number): string {
  const guide = readFileSync(fileURLToPath(new URL("../../../../docs/radius.md", import.meta.url)), "utf8");
  const section = new RegExp(`\`\`\`[a-z]*\\n# ${name}\\n([^]*?)\`\`\``).exec(guide)?.[1];
  assert.ok(section, `docs/radius.md has no section "# ${name}"`);
  return section.replace("http://127.0.0.1:9466", `http://127.0.0.1:${port}`).replaceAll("THE PASSWORD", PASSWORD);
}

describe("FreeRADIUS without the gateway in front", () => {
  let directory: string;
  let aaa: RunningFreeradius;
  let ports: { auth: number; acct: number };
  let httpPort: number;
  const bus = new FakeBus();
  const log = new FakeLog();
  const registry = new Registry();
  const config = { nas: { identifier: "bng1" }, http: { port: 0, password: PASSWORD } };
  const gateway = startGateway(radiusConfigSchema.parse(config), { bus, log, metricsRegistry: registry });
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "submirror-rest-"));
    const addresses = await gateway.ready;
    assert.deepEqual([addresses.auth, addresses.accounting, addresses.coa], [undefined, undefined, undefined]);
    httpPort = addresses.http as number;
    const [auth, acct] = (await freeUdpPorts(2)) as [number, number];
    ports = { auth, acct };
    aaa = await startFreeradius({
      dir: directory,
      ports,
      clients: [{ name: "nas", address: "127.0.0.1", secret: SECRET }],
      users: USERS,
      extra: {
        modules: documented("mods-enabled/submirror", httpPort),
        postAuth: documented("post-auth", httpPort),
        accounting: documented("accounting", httpPort),
      },
    });
  });
  after(async () => {
    await aaa.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    bus.events.length = 0;
    bus.away = false;
    bus.agents = () => [{ node: "edge1", result: "applied" }];
  });

  const login = (user: string, password: string) =>
    radclient({
      port: ports.auth,
      command: "auth",
      secret: SECRET,
      attributes: [
        `User-Name = ${user}`,
        `User-Password = ${password}`,
        "NAS-Identifier = bng1",
        "Calling-Station-Id = line-7",
      ],
    });

  it("publishes a login with its instruction, and keeps the LI attributes from the NAS", async () => {
    const answer = await login("alice", "wonderland");
    assert.equal(answer.code, "Access-Accept", `${answer.output}${aaa.output()}`);
    assert.deepEqual(answer.attributes, {
      "Framed-IP-Address": "100.64.0.7",
      "Framed-IPv6-Prefix": "2001:db8:1::/64",
      Class: "0x0102",
      "Filter-Id": 'a/b \\"c\\" d',
    });
    assert.deepEqual(bus.events[0]?.data, {
      nas: "bng1",
      attributes: {
        "User-Name": "alice",
        "NAS-Identifier": "bng1",
        "Calling-Station-Id": "line-7",
        "Framed-IP-Address": "100.64.0.7",
        "Framed-IPv6-Prefix": "2001:db8:1::/64",
        Class: "0x0102",
        "Filter-Id": 'a/b "c" d',
      },
      li: { action: "on", handle: "0000030000000090", mediation: { address: "198.51.100.9", port: 30030 } },
    });
  });

  it("holds the Accept until the agents answered", async () => {
    bus.delayMs = 150;
    const start = performance.now();
    assert.equal((await login("alice", "wonderland")).code, "Access-Accept");
    bus.delayMs = 0;
    assert.ok(performance.now() - start >= 150);
  });

  it("publishes a login without one", async () => {
    assert.equal((await login("bob", "builder")).code, "Access-Accept");
    assert.equal(bus.events[0]?.data.attributes["User-Name"], "bob");
    assert.equal(bus.events[0]?.data.li, undefined);
    assert.equal((await login("bob", "breaker")).code, "Access-Reject");
    assert.equal(bus.events.length, 1);
  });

  it("does not keep anyone from logging in while the bus is away", async () => {
    bus.away = true;
    assert.equal((await login("alice", "wonderland")).code, "Access-Accept");
  });

  it("publishes accounting, and leaves a record that is not stored without an answer", async () => {
    const attributes = ["Acct-Status-Type = Interim-Update", "Acct-Session-Id = 1048577", "NAS-Identifier = bng1"];
    const record = { port: ports.acct, command: "acct", secret: SECRET } as const;
    const timed = [...attributes, "Event-Timestamp = 1732563952"];
    assert.equal((await radclient({ ...record, attributes: timed })).code, "Accounting-Response");
    assert.equal(bus.events[0]?.type, "radius.accounting-interim");
    assert.equal(bus.events[0]?.data.attributes["Event-Timestamp"], "2024-11-25T19:45:52Z");
    bus.away = true;
    assert.equal((await radclient({ ...record, attributes, timeoutSeconds: 3 })).code, undefined);
  });

  it("refuses what has not the password, and what is no event, by one sentence", async () => {
    const post = (body: string, password = PASSWORD, path = "/v1/access-accept") =>
      fetch(`http://127.0.0.1:${httpPort}${path}`, {
        method: "POST",
        body,
        headers: { authorization: `Basic ${Buffer.from(`freeradius:${password}`).toString("base64")}` },
      });
    assert.equal((await post("{}", "another password")).status, 401);
    const bodies = ["", "[]", "{}", '{"request":[]}', '{"request":{"User-Name":null}}', "x".repeat(70_000)];
    for (const body of bodies) {
      const answer = await post(body);
      assert.equal(answer.status, 400, body.slice(0, 40));
      assert.match(((await answer.json()) as { error: string }).error, /^[a-z"{][^\n]+$/i);
    }
    assert.equal((await post('{"request":{}}', PASSWORD, "/v1/other")).status, 400);
    assert.equal((await post('{"request":{}}', PASSWORD, "/v1/accounting")).status, 400);
    assert.equal(bus.events.length, 0);
    assert.match(await registry.metrics(), /requests_total\{service="http",result="unauthorized"\} 1\n/);
  });

  it("does not keep anyone from logging in when it is gone itself", async () => {
    await gateway.close();
    const answer = await login("alice", "wonderland");
    assert.equal(answer.code, "Access-Accept");
    assert.doesNotMatch(answer.output.slice(answer.output.indexOf("Received")), /LI-Action|Med-/);
  });

  it("names no subject in its log", () => {
    assert.doesNotMatch(JSON.stringify(log.lines), /alice|bob|100\.64|2001:db8|line-7|198\.51\.100/);
  });
});
