/** The guides, word for word: each host of the lab has files of its own, and nothing but what the guide has it do. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Daemon } from "./parts/daemon.js";
import { LabError } from "./parts/errors.js";
import { type GuideBlock, guideBlocks } from "./parts/guide.js";
import { OwnFiles } from "./parts/own-files.js";
import { until } from "./parts/poll.js";
import type { RunResult } from "./parts/run.js";
import { SUBMIRROR } from "./parts/system.js";
import { ADDRESS, buildTopology, type Topology } from "./parts/topology.js";
import { ping } from "./parts/traffic.js";

/** Nothing that says where configuration is, and no other terminal's size. */
const ENVIRONMENT = { PATH: process.env["PATH"], HOME: "/root", SUBMIRROR, DAC_SECRET: "secret-of-coa" };

class Walk {
  readonly daemons = new Map<string, Daemon>();
  readonly #hosts = new Map<string, OwnFiles>();

  private constructor(readonly topology: Topology) {}

  static async through(topology: Topology): Promise<Walk> {
    const walk = new Walk(topology);
    for (const name of ["edge", "aaa", "mediation"] as const)
      walk.#hosts.set(name, await OwnFiles.of(topology.lab, topology[name]));
    return walk;
  }

  host(name: string): OwnFiles {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new LabError(`the guide names a host ${name}, which the lab does not have`);
    return host;
  }

  /** What the last host said; of a block that stays, nothing. */
  async go({ hosts, stays, commands }: GuideBlock): Promise<RunResult> {
    let result: RunResult = { code: 0, stdout: "", stderr: "" };
    for (const name of hosts) {
      const argv = ["bash", "--norc", "-euo", "pipefail", "-c", commands];
      if (stays) this.daemons.set(commands.trim(), this.host(name).start("guide", argv, ENVIRONMENT));
      else result = await this.host(name).run(argv, ENVIRONMENT);
    }
    return result;
  }

  /** Every block of the guide, in order. */
  async follow(file: string, behind: (block: GuideBlock) => Promise<void>): Promise<Said> {
    const said: { commands: string; result: RunResult }[] = [];
    for (const block of guideBlocks(file)) {
      said.push({ commands: block.commands, result: await this.go(block) });
      await behind(block);
    }
    return said;
  }

  daemon(words: string): Daemon {
    const found = [...this.daemons].find(([commands]) => commands.includes(words))?.[1];
    if (found === undefined) throw new LabError(`nothing that stays has ${words} in it`);
    return found;
  }
}

type Said = readonly { readonly commands: string; readonly result: RunResult }[];

function answer(said: Said, words: string): string {
  const found = said.findLast(({ commands }) => commands.includes(words));
  assert.ok(found, `the guide has a block with ${words}`);
  return found.result.stdout;
}

describe("guides", () => {
  it("lead from nothing to two mirrored subscribers, through an upgrade, and out again", async () => {
    const topology = await buildTopology();
    try {
      const walk = await Walk.through(topology);
      await getStarted(walk);
      await changeByHand(walk);
      await operate(walk);
    } finally {
      await topology.lab.close();
    }
  });
});

async function getStarted(walk: Walk): Promise<void> {
  const { alice, bob } = walk.topology;
  const said = await walk.follow("docs/getting-started.md", async ({ commands }) => {
    if (commands.includes("freeradius -f")) {
      const aaa = walk.daemon("freeradius -f");
      await aaa.ready("its ports", () => aaa.stdout().includes("Ready to process requests"));
    }
    if (commands.includes("acct secret-of-bng1")) await ping(alice.namespace, ADDRESS.server.ipv4);
  });
  assert.match(
    answer(said, "submirror doctor"),
    /nothing keeps this node from running: \d+ ok, \d+ warnings?, 0 failures/,
  );
  const accept = answer(said, 'User-Name = "alice", User-Password');
  assert.match(accept, /Received Access-Accept/);
  assert.doesNotMatch(accept, /LI-Action|Med-Dev|Med-Ip|Med-Port/, "the NAS learns nothing of mirroring");
  assert.match(answer(said, "submirror intercepts"), /^ +768 +144 +active +both +198\.51\.100\.9:30030 +6 /m);
  assert.match(answer(said, "1048578"), /Received CoA-ACK/);
  const audit = answer(said, "submirror audit verify");
  assert.match(audit, /entries 1 to \d+ in 1 file fit/);
  for (const output of [answer(said, "submirror status"), audit])
    assert.doesNotMatch(output, /alice|bob|100\.64\.0\.[78]/, "nobody is named");
  await ping(bob.namespace, ADDRESS.server.ipv4);
  await streams(walk, 2);
}

async function changeByHand(walk: Walk): Promise<void> {
  const said = await walk.follow("docs/radius.md", () => Promise.resolve());
  assert.match(answer(said, "radclient"), /Received CoA-ACK/);
}

async function operate(walk: Walk): Promise<void> {
  const { alice } = walk.topology;
  const passes = (): Promise<void> => ping(alice.namespace, ADDRESS.server.ipv4);
  let hasEnded = 0;
  const said = await walk.follow("docs/operations.md", async ({ commands }) => {
    if (!commands.startsWith("kill ")) return;
    hasEnded += 1;
    // Once nobody is there to look, and once everything was taken out.
    await passes();
  });
  assert.equal(hasEnded, 2);
  assert.match(answer(said, "readyz"), /"status":"ready"[^]*submirror_dropped_packets_total\{reason="no_route"\} 0/);
  assert.match(answer(said, "submirror doctor"), /nothing keeps this node from running/);
  assert.match(answer(said, "--uninstall"), /\S/);
  assert.match(answer(said, "keys rotate"), /edge1-2\.seal/);
  assert.match(answer(said, "submirror audit verify"), /in 1 file fit/);
  // 6 of alice's and 6 of bob's before, 6 of alice's without an agent, none after everything was taken out.
  const mediation = walk.daemon("submirror mediation");
  mediation.signal("SIGTERM");
  await until(() => !mediation.running, { what: "the end of the mediation device" });
  assert.match(mediation.stdout(), /^received 18;/m, mediation.stdout());
}

/** The mediation device has written that many. */
async function streams(walk: Walk, count: number): Promise<void> {
  const daemon = walk.daemon("submirror mediation");
  await until(
    async () => {
      const { stdout } = await walk.host("mediation").run(["ls", "/var/lib/streams"], ENVIRONMENT);
      return stdout.split("\n").filter((name) => name.endsWith(".pcapng")).length === count;
    },
    { what: `${count} streams; ${daemon.stderr()}` },
  );
}
