/** `submirror doctor` on a node that is in order, and on one where each thing is broken in turn. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { BpfObject } from "libbpf-ts";
import { stringify } from "yaml";
import type { Finding, FindingState } from "../../../src/doctor/finding.js";
import { enterPrivateNetwork, ifindexOf, ip, sysctl, Wire } from "../../bpf/network.js";
import { DEVICE_MAC, DEVICE4, NODE4 } from "../../bpf/rig.js";
import { startTestAgent } from "../../support/agent.js";
import { type Ran, runProgramBeside } from "../../support/cli.js";
import { li, radiusEvent } from "../../support/events.js";
import { FakeDatapath } from "../../support/fake-datapath.js";
import { startTestNats, type TestNats } from "../../support/nats.js";
import { temporaryDirectory } from "../../support/security.js";
import { makeStrictKeys, type StrictKeys, StrictPublisher } from "../../support/strict.js";
import { Edge, mediationWire } from "../net/edge.js";

const SILENT_DEVICE = "198.51.100.77";

interface Report {
  readonly node: string;
  readonly failure: number;
  readonly findings: readonly Finding[];
}

class Node implements Disposable {
  readonly keys: StrictKeys = makeStrictKeys();
  readonly #acc = new Wire("acc0");
  readonly #med = mediationWire("med0", DEVICE_MAC);
  readonly #temporary = temporaryDirectory();
  readonly #pins = join(this.#temporary.path, "bpffs");
  /** Of an agent that a test may start. */
  readonly socket = join(this.#temporary.path, "agent.sock");
  /** Named on the command line. */
  devices: readonly string[] = [DEVICE4];

  constructor(private readonly nats: TestNats) {
    mkdirSync(this.#pins);
    execFileSync("mount", ["-t", "bpf", "bpf", this.#pins]);
    for (const family of ["ipv4", "ipv6"]) sysctl(`${family}/conf/all/forwarding`, "1");
  }

  /** The sections in `changes` are merged into those of a node that is in order. */
  async examine(changes: Record<string, object> = {}, ...more: string[]): Promise<Ran & { readonly report: Report }> {
    const sections: Record<string, object> = {
      nats: { servers: [this.nats.url] },
      interfaces: { access: ["acc*"], mediation: ["med0"] },
      mediation: { sourceIpv4: NODE4 },
      datapath: { pinDirectory: join(this.#pins, "submirror") },
      agent: { socket: this.socket },
      ...this.keys.sections,
    };
    for (const [name, section] of Object.entries(changes)) sections[name] = { ...sections[name], ...section };
    const file = join(this.#temporary.path, "edge.yaml");
    writeFileSync(file, stringify({ node: "edge", ...sections }));
    const devices = this.devices.flatMap((device) => ["--mediation", device]);
    const ran = await runProgramBeside("doctor", "--config", file, "--json", ...devices, ...more);
    assert.equal(ran.err, "");
    return { ...ran, report: JSON.parse(ran.out) as Report };
  }

  [Symbol.dispose](): void {
    this.#acc[Symbol.dispose]();
    this.#med[Symbol.dispose]();
    execFileSync("umount", ["-l", this.#pins]);
    this.#temporary[Symbol.dispose]();
    this.keys[Symbol.dispose]();
  }
}

/** The findings of that state, each as `about: found`; the clock is the machine's, and may be what it likes. */
function findings({ report }: { report: Report }, ...states: FindingState[]): string[] {
  return report.findings
    .filter(({ about, state }) => states.includes(state) && about !== "clock")
    .map(({ about, found }) => `${about}: ${found}`);
}

function other() {
  execFileSync("make", ["-s", "-C", "test/bpf"], { stdio: ["ignore", "ignore", "inherit"] });
  return BpfObject.open("build/test-bpf/other.o").load();
}

describe("doctor", () => {
  before(() => enterPrivateNetwork());

  test("a node in order has nothing but ok, and 0", async () => {
    await using nats = await startTestNats();
    using node = new Node(nats);
    // Makes the streams.
    await using agent = await startTestAgent({
      url: nats.url,
      datapath: new FakeDatapath(),
      mode: "strict",
      yaml: node.keys.yaml(),
    });
    await agent.ready;
    const examined = await node.examine();
    assert.deepEqual(findings(examined, "warning", "failure"), []);
    assert.equal(examined.status, 0);
    const fine = findings(examined, "ok");
    for (const line of [
      "btf: type information of the kernel is there",
      "tcx: is there and used",
      "interface acc0: access, up, MTU 1500, nobody is ahead of us",
      `path to ${DEVICE4}: by med0, MTU 1600, 1536 needed, next hop permanent`,
      "agent keys: can be read by their owner alone, and are named in security",
      "bucket sessions: is there with 0 messages, 1 replica",
      "agent: does not run now",
    ])
      assert.ok(fine.includes(line), `${line}\n${fine.join("\n")}`);
    assert.equal(
      examined.report.findings.filter(({ remedy }) => remedy !== undefined).every(({ about }) => about === "clock"),
      true,
    );
  });

  test("each thing that is wrong is told, with the remedy", async () => {
    await using nats = await startTestNats();
    using node = new Node(nats);
    ip("link", "set", "med0", "mtu", "1500");
    ip("link", "set", "acc0", "down");
    for (const key of ["all", "acc0"]) sysctl(`ipv6/conf/${key}/forwarding`, "0");
    chmodSync(node.keys.files.agent, 0o644);
    const examined = await node.examine(
      {
        interfaces: { access: ["acc*", "eth77"], core: ["ppp*"] },
        datapath: { pinDirectory: join(node.keys.directory, "pins") },
      },
      "--mediation",
      SILENT_DEVICE,
      "--mediation",
      "203.0.113.5",
      "--mediation",
      "2001:db8:9::9",
    );
    assert.equal(examined.status, 1);
    assert.deepEqual(findings(examined, "failure"), [
      `bpffs: datapath.pinDirectory ${node.keys.directory}/pins lies in no BPF file system`,
      "interface eth77: of interfaces.access is not there",
      `path to ${SILENT_DEVICE}: the next hop on med0 does not answer`,
      "path to 203.0.113.5: there is no route to it",
      "path to 2001:db8:9::9: mediation.sourceIpv6 is not set: copies have no source address",
      `agent keys: ${node.keys.files.agent} must be readable by its owner alone, and has mode 0644`,
    ]);
    assert.deepEqual(findings(examined, "warning"), [
      "interfaces.core: none is there that fits ppp*",
      "interface acc0: is down",
      "interface acc0: the kernel forwards no IPv6 from here (net.ipv6.conf.acc0.forwarding is 0)",
      `path to ${DEVICE4}: by med0, MTU 1500 where 1536 are needed: copies of 1500-byte packets leave as IP fragments, which some receivers do not reassemble`,
      ...[
        "stream RADIUS",
        "stream TASKS",
        "stream DEADLETTERS",
        "bucket sessions",
        "bucket datakeys",
        "stream AUDIT",
      ].map((name) => `${name}: is not there yet`),
    ]);
    for (const { about, remedy } of examined.report.findings.filter(({ state }) => state !== "ok"))
      assert.ok(remedy !== undefined && remedy.length > 5, `${about} has a remedy`);
  });

  test("whoever else has programs on the interfaces is named", async () => {
    await using nats = await startTestNats();
    using node = new Node(nats);
    using foreign = other();
    const acc0 = ifindexOf("acc0");
    using link = foreign.program("ends_chain").attachTcx({ ifindex: acc0, direction: "ingress" });
    using xdp = foreign.program("passes").attachXdp({ ifindex: acc0, mode: "generic" });
    void [link, xdp];
    foreign.program("ends_chain_too").attachClsact({ ifindex: acc0, direction: "egress", priority: 1 });
    const about = async (datapath: object): Promise<string[]> => {
      const all = findings(await node.examine({ datapath }), "ok", "warning", "failure");
      return all.filter((line) => line.startsWith("interface acc0"));
    };
    const xdpRuns = "interface acc0: the XDP program passes runs before tc: what it takes is not mirrored";
    assert.deepEqual(await about({}), [
      xdpRuns,
      "interface acc0: tcx programs run before ours on ingress: ends_chain; a running agent goes to the head of the chain (datapath.keepFirst)",
    ]);
    assert.deepEqual(await about({ keepFirst: false }), [
      xdpRuns,
      "interface acc0: tcx programs run before ours on ingress: ends_chain",
    ]);
    assert.deepEqual(await about({ attach: "clsact" }), [
      xdpRuns,
      "interface acc0: tcx programs run before clsact on ingress: ends_chain",
      "interface acc0: filters run before ours on egress: ends_chain_too",
    ]);
    assert.deepEqual(
      (await about({ mode: "xdp-tap" }))[0],
      "interface acc0: the XDP program passes is in the place of ours",
    );
    link.detach();
    xdp.detach();
    assert.deepEqual(await about({ mode: "xdp-tap" }), ["interface acc0: access, up, MTU 1500, nobody is ahead of us"]);
  });

  test("behind a running datapath there is room for others", async () => {
    using edge = new Edge();
    await using nats = await startTestNats();
    using node = new Node(nats);
    using foreign = other();
    await edge.told("attached acc0 access");
    await edge.told("attached med0 mediation");
    using link = foreign.program("ends_chain").attachTcx({ ifindex: ifindexOf("acc0"), direction: "ingress" });
    void link;
    const fine = findings(await node.examine(), "ok");
    assert.ok(
      fine.includes("interface acc0: access, up, MTU 1500, nobody is ahead of us; behind us: ends_chain"),
      fine.join("\n"),
    );
  });

  test("a running agent says how it is doing, and which mediation devices are in use", async () => {
    await using nats = await startTestNats();
    using node = new Node(nats);
    const { socket, keys } = node;
    const yaml = keys.yaml();
    await using agent = await startTestAgent({
      url: nats.url,
      datapath: new FakeDatapath(),
      mode: "strict",
      yaml,
      socket,
    });
    await agent.ready;
    node.devices = [];
    assert.ok(
      findings(await node.examine(), "warning").includes(
        "mediation paths: no mediation device is known, since instructions name them",
      ),
    );
    const publisher = await StrictPublisher.open(await nats.connect(), keys.gateway, [keys.agentSeal.publicKey]);
    const attributes = { "User-Name": "alice", "Acct-Session-Id": "100", "Framed-IP-Address": "100.64.0.7" };
    assert.equal((await publisher.ask(radiusEvent("access-accept", { attributes, li: li("on") }))).result, "applied");
    const fine = findings(await node.examine(), "ok");
    assert.ok(fine.includes(`path to ${DEVICE4}: by med0, MTU 1600, 1536 needed, next hop permanent`), fine.join("\n"));
    assert.ok(fine.includes(`agent: runs (pid ${process.pid}, version 0.0.0) and is ready; active intercepts: 1`));
  });

  test("NATS that refuses, or is not there, and a configuration that is wrong", async () => {
    await using nats = await startTestNats();
    using node = new Node(nats);
    await nats.stop();
    const away = await node.examine();
    assert.equal(away.status, 1);
    assert.match(
      findings(away, "failure").join(),
      /^nats: nats:\/\/127\.0\.0\.1:\d+ cannot be reached \(connection refused\)$/,
    );
    const embedded = { embedded: true, serverBinary: "no-such-nats-server", port: nats.port };
    assert.deepEqual(findings(await node.examine({ nats: embedded }), "failure"), [
      "nats: nats.embedded needs no-such-nats-server, which is not there",
    ]);
    const wrong = await runProgramBeside("doctor", "--config", "/nonexistent/edge.yaml");
    assert.equal(wrong.status, 2);
    assert.match(wrong.err, /the configuration file does not exist; name one with --config/);
  });
});
