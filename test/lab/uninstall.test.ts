/** `submirror agent --uninstall`: nothing of the agent is left in the kernel, and nothing else is touched. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { PROGRAM } from "../support/cli.js";
import { assertOriginalsUntouched } from "./parts/assertions.js";
import type { Namespace } from "./parts/namespace.js";
import { until } from "./parts/poll.js";
import { withScenario } from "./parts/scenario.js";
import { userRecord } from "./parts/system.js";
import { ADDRESS } from "./parts/topology.js";
import { download, startSteady } from "./parts/traffic.js";

const LI = { action: "on", handle: "0000030000000090" } as const;
const DOWNLOAD = 2_000_000;

async function programsIn(edge: Namespace): Promise<string[]> {
  const { stdout } = await edge.run(["bpftool", "--json", "net", "show"]);
  const devices = (JSON.parse(stdout) as { tc: { devname: string; name: string }[] }[]).flatMap(({ tc }) => tc);
  return devices.map(({ devname, name }) => `${devname} ${name}`);
}

async function tcxPrograms(edge: Namespace, device: string): Promise<number> {
  const script = `const { queryTcx } = await import("libbpf-ts"); const { readFileSync } = await import("node:fs");
    const index = Number(process.argv[1]);
    console.log(["ingress", "egress"].reduce((sum, way) => sum + queryTcx(index, way).entries.length, 0));`;
  const { stdout: link } = await edge.run(["ip", "-j", "link", "show", device]);
  const [{ ifindex = 0 } = {}] = JSON.parse(link) as { ifindex?: number }[];
  const { stdout } = await edge.run([process.execPath, "--input-type=module", "--eval", script, String(ifindex)]);
  return Number(stdout);
}

it("takes everything out, once no agent runs; a second time there is nothing", async () => {
  await withScenario({ users: ({ alice }) => userRecord(alice, LI) }, async (scenario) => {
    const { topology, actors, witness, system } = scenario;
    const { alice, edge, lab } = topology;
    const uninstall = (...more: string[]) =>
      edge.run([process.execPath, PROGRAM, "agent", "--uninstall", "--config", system.configFile, ...more], {
        accept: [0, 2],
      });
    await actors.login({ subscriber: alice, id: "1048577" });
    const stream = await startSteady(alice.namespace, ADDRESS.server.ipv4, 500);
    const refused = await uninstall();
    assert.match(refused.stderr, /^submirror: an agent .* runs on this node already: end it first/);
    await system.agent.stop();
    assert.equal(await tcxPrograms(edge, alice.accessDevice), 2, "mirroring goes on");
    const { stdout } = await uninstall("--json");
    const { links, maps, filters, devices } = JSON.parse(stdout) as Record<string, number> & { devices: string[] };
    assert.ok((links ?? 0) >= 8, stdout);
    assert.ok((maps ?? 0) >= 10, stdout);
    assert.deepEqual([filters, devices], [0, ["submirror-out", "submirror-in"]]);
    assert.equal(existsSync(join(lab.bpffs(), "submirror")), false);
    assert.equal(await tcxPrograms(edge, alice.accessDevice), 0);
    assert.deepEqual(await programsIn(edge), []);
    await until(async () => !(await edge.run(["ip", "-o", "link"])).stdout.includes("submirror"), {
      what: "the end of the helper devices",
    });
    await download(alice.namespace, ADDRESS.server.ipv4, DOWNLOAD);
    await stream.stop();
    assert.equal((await uninstall()).stdout, "nothing of submirror was there\n");
    await system.restartAgent();
    assert.equal(await tcxPrograms(edge, alice.accessDevice), 2);
    await witness.quiet(alice);
    await witness.finish();
    assertOriginalsUntouched(scenario, alice, DOWNLOAD);
  });
});
