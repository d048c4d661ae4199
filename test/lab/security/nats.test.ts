/** The permissions of deploy/nats on a real nats-server with TLS: each program has what it needs, and nothing else. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection, nkeyAuthenticator, PermissionViolationError } from "@nats-io/transport-node";
import { stringify } from "yaml";
import { auditCopies } from "../../../src/bus/audit-stream.js";
import { DEAD_LETTER_STREAM } from "../../../src/bus/dead-letter-stream.js";
import { MarkerPurge } from "../../../src/bus/marker-purge.js";
import type { Settle } from "../../../src/bus/ports.js";
import { SessionBucket } from "../../../src/bus/session-bucket.js";
import { SESSION_STREAM } from "../../../src/bus/streams.js";
import type { Finding } from "../../../src/doctor/finding.js";
import type { EventResult } from "../../../src/events/types.js";
import { isListening } from "../../../src/net/listening.js";
import { writeSeed } from "../../../src/security/keys/files.js";
import { generateSigningSeed, signerFromSeed } from "../../../src/security/keys/signing-key.js";
import { startTestAgent, type TestAgent } from "../../support/agent.js";
import { runProgramBeside } from "../../support/cli.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { freePort } from "../../support/nats.js";
import { until } from "../../support/poll.js";
import { temporaryDirectory } from "../../support/security.js";
import { makeStrictKeys, StrictPublisher } from "../../support/strict.js";
import { TestAuthority } from "../parts/certificates.js";

const TEMPLATE = fileURLToPath(new URL("../../../../deploy/nats/nats-server.conf", import.meta.url));
const ROLES = ["GATEWAY", "AGENT", "AUTHORITY", "AUDITOR", "MEDIATION", "PROVISION"] as const;
type Role = (typeof ROLES)[number];

const INBOX: Readonly<Record<Role, string>> = {
  GATEWAY: "submirror-gateway-gw1",
  AGENT: "submirror-agent-edge1",
  AUTHORITY: "submirror-task-north",
  AUDITOR: "submirror-audit-auditor",
  MEDIATION: "submirror-mediation",
  PROVISION: "submirror-provision",
};

const ALICE = { "User-Name": "alice", "Acct-Session-Id": "100", "Framed-IP-Address": "100.64.0.7" };

class Server {
  readonly #temporary = temporaryDirectory();
  readonly #seeds = Object.fromEntries(ROLES.map((role) => [role, generateSigningSeed()])) as Record<Role, string>;
  readonly #connections: NatsConnection[] = [];
  #process: ChildProcess | undefined;
  port = 0;

  get directory(): string {
    return this.#temporary.path;
  }

  async start(): Promise<void> {
    const authority = new TestAuthority(this.directory);
    const server = authority.issue("localhost");
    const client = authority.issue("client");
    for (const role of ROLES) writeSeed(join(this.directory, `${role}.nkey`), this.#seeds[role], "of a test");
    chmodSync(client.key, 0o600);
    mkdirSync(join(this.directory, "store"));
    this.port = await freePort();
    const nkeys = ROLES.map((role) => [`SUBMIRROR_NKEY_${role}`, signerFromSeed(this.#seeds[role]).publicKey]);
    this.#process = spawn("nats-server", ["-c", TEMPLATE], {
      stdio: "ignore",
      env: {
        ...process.env,
        ...Object.fromEntries(nkeys),
        SUBMIRROR_NATS_LISTEN: `127.0.0.1:${this.port}`,
        SUBMIRROR_NATS_STORE: join(this.directory, "store"),
        SUBMIRROR_NATS_CERT: server.certificate,
        SUBMIRROR_NATS_KEY: server.key,
        SUBMIRROR_NATS_CA: authority.ca,
      },
    });
    await until("nats-server listens", () => isListening({ host: "127.0.0.1", port: this.port }));
  }

  /** The section `nats` of the program with that role. */
  section(role: Role): object {
    return {
      servers: [`tls://localhost:${this.port}`],
      nkeySeedFile: join(this.directory, `${role}.nkey`),
      tls: this.#tls(),
    };
  }

  async connect(role: Role): Promise<NatsConnection> {
    const connection = await connect({
      servers: `tls://localhost:${this.port}`,
      tls: this.#tls(),
      authenticator: nkeyAuthenticator(Buffer.from(this.#seeds[role])),
      inboxPrefix: `_INBOX.${INBOX[role]}`,
      reconnect: false,
    });
    this.#connections.push(connection);
    return connection;
  }

  #tls() {
    return {
      caFile: join(this.directory, "ca.pem"),
      certFile: join(this.directory, "client.pem"),
      keyFile: join(this.directory, "client.key"),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    if (this.#process?.exitCode === null) {
      this.#process.kill();
      await once(this.#process, "exit");
    }
    this.#temporary[Symbol.dispose]();
  }
}

/** Subjects that the server refused to the connection while `action` ran. */
async function violations(connection: NatsConnection, action: () => void): Promise<string[]> {
  const refused: string[] = [];
  const watch = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === "error" && status.error instanceof PermissionViolationError)
        refused.push(status.error.subject);
    }
  };
  void watch();
  action();
  await connection.flush();
  await connection.flush();
  return refused;
}

describe("NATS permissions", () => {
  const server = new Server();
  const keys = makeStrictKeys();
  const datapath = new FakeDatapath();
  let agent: TestAgent | undefined;

  before(async () => {
    await server.start();
    const admin = join(server.directory, "admin.yaml");
    writeFileSync(admin, stringify({ nats: server.section("PROVISION") }));
    const { status, out, err } = await runProgramBeside("provision", "--config", admin);
    assert.equal(status, 0, out + err);
    agent = await startTestAgent({ nats: server.section("AGENT"), datapath, mode: "strict", yaml: keys.yaml() });
    await agent.ready;
  });

  after(async () => {
    await agent?.stop();
    await server.stop();
    keys[Symbol.dispose]();
  });

  it("are enough for a login, a CoA, a task, a restart, and the copies of the audit log", async () => {
    const publisher = await StrictPublisher.open(await server.connect("GATEWAY"), keys.gateway, [
      keys.agentSeal.publicKey,
    ]);
    await publisher.tell(radiusEvent("accounting-start", { attributes: ALICE }));
    const coa = radiusEvent("coa", { attributes: { "User-Name": "alice" }, li: li("on") });
    assert.equal((await publisher.ask(coa)).result, "applied");
    const config = join(server.directory, "north.yaml");
    const { security } = keys.sections as { security: object };
    const own = { signingKeyFile: keys.files.authority, sealingKeyFiles: [keys.files.reader] };
    writeFileSync(
      config,
      stringify({ node: "north", nats: server.section("AUTHORITY"), security: { ...security, ...own } }),
    );
    const warrant = [
      "--id",
      "t-1",
      "--reference",
      "W-1",
      "--user-name",
      "alice",
      "--mediation",
      "198.51.100.9:1",
      "--intercept-id",
      "4660",
    ];
    const activated = await runProgramBeside(
      "task",
      "activate",
      ...warrant,
      "--config",
      config,
      "--json",
      "--agents",
      "1",
      "--wait",
      "30",
    );
    assert.equal(activated.status, 0, activated.out + activated.err);
    assert.deepEqual(
      (JSON.parse(activated.out) as { results: EventResult[] }).results.map(({ result }) => result),
      ["applied"],
    );
    assert.match((await runProgramBeside("task", "list", "--config", config)).out, /t-1 {2}in force/);
    const auditor = jetstream(await server.connect("AUDITOR"));
    await until("copies have left the node", async () => (await auditCopies(auditor, "edge1")).size > 4);
    await agent?.stop();
    const second = new FakeDatapath();
    agent = await startTestAgent({
      nats: server.section("AGENT"),
      datapath: second,
      mode: "strict",
      yaml: keys.yaml(),
    });
    await agent.ready;
    assert.equal(second.specs.size, 2);
  });

  it("are enough to settle what two agents have written, to purge what is left of records, and for dead letters", async () => {
    const open = async () => {
      const connection = await server.connect("AGENT");
      const manager = await jetstreamManager(connection);
      return await SessionBucket.open({ connection, manager, replicas: 1, maxAgeHours: 1 });
    };
    const [one, other] = [await open(), await open()];
    const later: Settle = (_key, ours) => ours;
    const key = "bng1.tried";
    await one.write(new Map([[key, { seq: 1, data: Buffer.from("one") }]]), later);
    const conflicts = await other.write(new Map([[key, { seq: 2, data: undefined }]]), later);
    assert.deepEqual(conflicts, { theirs: 0, ours: 1 });
    const manager = await jetstreamManager(await server.connect("PROVISION"));
    const subjects = async () => (await manager.streams.info(SESSION_STREAM)).state.num_subjects ?? 0;
    const [before, { state }] = [await subjects(), await manager.streams.info(SESSION_STREAM)];
    const hoursOn = () => Date.now() + 2 * 3_600_000;
    const purge = new MarkerPurge(await jetstreamManager(await server.connect("AGENT")), "$KV.sessions.", 0, hoursOn);
    purge.add(key, state.last_seq, Date.now(), false);
    await purge.purge();
    assert.equal(await subjects(), before - 1);
    (await server.connect("GATEWAY")).publish("radius.bng1.coa", "{");
    await until("the dead letter is stored", async () => {
      return (await manager.streams.info(DEAD_LETTER_STREAM)).state.messages > 0;
    });
  });

  it("are enough for the doctor, who says where they are not", async () => {
    const examine = async (node: string, nats: object, more: object = {}): Promise<Finding[]> => {
      const config = join(server.directory, "examined.yaml");
      writeFileSync(config, stringify({ node, nats, ...keys.sections, ...more }));
      const { out, err } = await runProgramBeside("doctor", "--config", config, "--json");
      assert.equal(err, "");
      const { findings } = JSON.parse(out) as { findings: Finding[] };
      return findings.filter(({ about }) => /^(nats|jetstream|stream|bucket)/.test(about));
    };
    const told = (findings: readonly Finding[]): string[] => findings.map(({ about, state }) => `${state} ${about}`);
    assert.deepEqual(told(await examine("edge1", server.section("AGENT"))), [
      "ok nats keys",
      "ok nats keys",
      "ok nats",
      "ok stream RADIUS",
      "ok stream TASKS",
      "ok stream DEADLETTERS",
      "ok bucket sessions",
      "ok bucket datakeys",
      "ok stream AUDIT",
    ]);
    const radius = {
      clients: [{ name: "bng1", address: "192.0.2.1", secret: "of-a-test" }],
      upstreams: [{ name: "aaa", address: "192.0.2.2", secret: "of-a-test" }],
    };
    assert.deepEqual(told(await examine("gw1", server.section("GATEWAY"), { radius })).slice(2), [
      "ok nats",
      "ok stream RADIUS",
      "ok bucket datakeys",
    ]);
    // Its inbox is another one: nothing comes back.
    assert.deepEqual(told(await examine("edge1", server.section("MEDIATION"))).slice(2), [
      "ok nats",
      "failure jetstream",
    ]);
    const nobody = join(server.directory, "nobody.nkey");
    writeSeed(nobody, generateSigningSeed(), "of a test");
    const [, , refused] = await examine("edge1", { ...server.section("AGENT"), nkeySeedFile: nobody });
    assert.match(refused?.found ?? "", /refuses the credentials/);
  });

  const FORBIDDEN: Readonly<Record<Role, readonly string[]>> = {
    GATEWAY: [
      "radius.bng2.coa",
      "li.task.t-9",
      "submirror.audit.edge1",
      "submirror.result.x",
      "submirror.li.edge1.LiServiceActivated",
      "$KV.sessions.bng1.x",
      "submirror.dead.edge1.malformed",
    ],
    AGENT: [
      "radius.bng1.coa",
      "li.task.t-9",
      "submirror.audit.edge2",
      "submirror.li.edge2.LiServiceActivated",
      "submirror.dead.edge2.malformed",
      "$JS.API.STREAM.PURGE.RADIUS",
      "$JS.API.STREAM.PURGE.KV_datakeys",
      "$JS.API.CONSUMER.DELETE.RADIUS.agent_edge2",
      "$JS.API.CONSUMER.MSG.NEXT.RADIUS.agent_edge2",
      "$JS.API.STREAM.MSG.DELETE.AUDIT",
    ],
    AUTHORITY: [
      "radius.bng1.coa",
      "submirror.result.x",
      "submirror.audit.edge1",
      "$KV.datakeys.x",
      "$KV.sessions.bng1.x",
      "$JS.API.CONSUMER.CREATE.RADIUS.x.radius.>",
    ],
    AUDITOR: [
      "radius.bng1.coa",
      "li.task.t-9",
      "submirror.audit.edge1",
      "$JS.API.STREAM.MSG.DELETE.AUDIT",
      "$JS.API.CONSUMER.CREATE.RADIUS.x.radius.>",
    ],
    MEDIATION: [
      "radius.bng1.coa",
      "li.task.t-9",
      "submirror.result.x",
      "$KV.datakeys.x",
      "submirror.li.edge1.LiServiceActivated",
    ],
    PROVISION: [
      "radius.bng1.coa",
      "li.task.t-9",
      "$KV.datakeys.x",
      "$KV.sessions.bng1.x",
      "$JS.API.STREAM.DELETE.AUDIT",
      "$JS.API.STREAM.PURGE.RADIUS",
      "$JS.API.CONSUMER.CREATE.RADIUS.x.radius.>",
    ],
  };
  const FORBIDDEN_BY_ALL = [
    "$JS.API.STREAM.DELETE.TASKS",
    "$JS.API.STREAM.UPDATE.TASKS",
    "$JS.API.STREAM.PURGE.TASKS",
    "$JS.API.STREAM.MSG.DELETE.TASKS",
    "$JS.API.STREAM.SNAPSHOT.KV_sessions",
    "$SYS.REQ.SERVER.PING",
    "anything.else",
  ];
  const UNHEARD = [">", "radius.>", "li.task.>", "$KV.>", "submirror.audit.>", "_INBOX.>", "$JS.ACK.>"];

  for (const role of ROLES) {
    it(`let ${role.toLowerCase()} publish nothing else`, async () => {
      const connection = await server.connect(role);
      const subjects = [...FORBIDDEN[role], ...FORBIDDEN_BY_ALL];
      const refused = await violations(connection, () => {
        for (const subject of subjects) connection.publish(subject, "x");
      });
      assert.deepEqual(refused.toSorted(byText), subjects.toSorted(byText));
    });

    it(`let ${role.toLowerCase()} hear nothing else`, async () => {
      const connection = await server.connect(role);
      const others = ROLES.filter((other) => other !== role).map((other) => `_INBOX.${INBOX[other]}.>`);
      const ownResults = role === "GATEWAY" || role === "AUTHORITY";
      const subjects = [
        ...UNHEARD,
        ...others,
        ...(ownResults ? [] : ["submirror.result.*"]),
        ...(role === "MEDIATION" ? [] : ["submirror.li.>"]),
      ];
      const refused = await violations(connection, () => {
        for (const subject of subjects) connection.subscribe(subject, { callback: () => undefined });
      });
      assert.deepEqual(refused.toSorted(byText), subjects.toSorted(byText));
    });
  }

  it("let nobody in without an nkey that is named, or without TLS", async () => {
    const tls = {
      caFile: join(server.directory, "ca.pem"),
      certFile: join(server.directory, "client.pem"),
      keyFile: join(server.directory, "client.key"),
    };
    const servers = `tls://localhost:${server.port}`;
    await assert.rejects(connect({ servers, tls, reconnect: false }), /authorization/i);
    const unknown = nkeyAuthenticator(Buffer.from(generateSigningSeed()));
    await assert.rejects(connect({ servers, tls, authenticator: unknown, reconnect: false }), /authorization/i);
    await assert.rejects(connect({ servers, reconnect: false }));
    await assert.rejects(connect({ servers, tls: { caFile: tls.caFile }, reconnect: false }));
  });

  it("have every part of the template tried", () => {
    const text = readFileSync(TEMPLATE, "utf8");
    for (const role of ROLES) assert.ok(text.includes(`$SUBMIRROR_NKEY_${role}\n`), role);
    assert.equal(text.match(/nkey: /g)?.length, ROLES.length);
  });
});

function byText(one: string, other: string): number {
  return one < other ? -1 : 1;
}
