/**
 * What the image holds, run as Kubernetes would: its root read-only, the agent with three capabilities, the gateway with
 * none and as nobody. The root is made by the script that the Dockerfile calls; no container engine takes part.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { assertMirrored, assertOriginalsUntouched } from "../parts/assertions.js";
import { until } from "../parts/poll.js";
import { run } from "../parts/run.js";
import { withScenario } from "../parts/scenario.js";
import { type EdgeCommand, userRecord } from "../parts/system.js";
import { ADDRESS } from "../parts/topology.js";
import { download, ping } from "../parts/traffic.js";

/** From dist/test/lab/deploy. */
const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const CONTAINER = join(REPOSITORY, "test/lab/parts/container.sh");
const LI = { action: "on", handle: "0000030000000090" } as const;
const DOWNLOAD = 2_000_000;
const PLACE: Readonly<Record<EdgeCommand, { user: number; capabilities: string; bits: string }>> = {
  agent: { user: 0, capabilities: "cap_bpf,cap_net_admin,cap_perfmon", bits: "000000c000001000" },
  gateway: { user: 65_532, capabilities: "none", bits: "0000000000000000" },
};
/** Nothing to look around with, nothing to compile with. */
const ABSENT = ["usr/bin/sh", "usr/bin/bash", "usr/bin/apt", "usr/bin/npm", "usr/bin/clang-19"];
const ABSENT_PACKAGES = ["typescript", "@biomejs", "oxlint", "kubernetes-models", "@grafana", "fast-check", "@types"];

function fieldOf(pid: number, field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
}

it("the image's root is all that agent and gateway need, with three capabilities and with none", async () => {
  // The directory is the scenario's, which is made later than this is asked for.
  let root = "";
  let bpffs = "";
  const start = (command: EdgeCommand, argv: readonly string[]): string[] => {
    const { user, capabilities } = PLACE[command];
    const configFile = argv.at(-1) ?? "";
    const program = [command, "--config", "/etc/submirror/submirror.yaml"];
    return [CONTAINER, root, bpffs, configFile, String(user), capabilities, ...program];
  };
  await withScenario(
    {
      users: ({ alice }) => userRecord(alice, LI),
      start,
      prepare: async ({ lab, edge }) => {
        [root, bpffs] = [lab.path("root"), lab.bpffs()];
        await run([join(REPOSITORY, "deploy/image/build-root.sh"), root], { timeout: 120_000 });
        const nats = edge.start("nats", ["nats-server", "-a", "127.0.0.1", "-js", "-sd", lab.path("streams")]);
        await nats.ready("its port", () => nats.stderr().includes("Server is ready"));
        return {
          configuration: {
            nats: { embedded: false },
            datapath: { pinDirectory: "/bpf/submirror" },
          },
        };
      },
    },
    async (scenario) => {
      const { topology, actors, witness, system } = scenario;
      const { alice, edge } = topology;
      for (const path of ABSENT) assert.ok(!existsSync(join(root, path)), path);
      for (const name of ABSENT_PACKAGES)
        assert.ok(!existsSync(join(root, "usr/lib/submirror/node_modules", name)), name);
      for (const command of ["agent", "gateway"] as const) {
        const { pid } = system[command];
        for (const set of ["CapEff", "CapPrm", "CapBnd"]) assert.equal(fieldOf(pid, set), PLACE[command].bits, command);
        assert.equal(fieldOf(pid, "Uid"), String(PLACE[command].user));
        assert.equal(fieldOf(pid, "NoNewPrivs"), "1");
        await assert.rejects(run(["touch", `/proc/${pid}/root/usr/lib/written`]), /Read-only file system/);
      }
      await actors.login({ subscriber: alice, id: "1048577" });
      // As kubectl exec would.
      const exec = ["nsenter", "-t", String(system.agent.pid), "-m", "-r", "-n", "/usr/bin/submirror"];
      const status = JSON.parse((await run([...exec, "status", "--json"])).stdout) as { waitingFor: string[] };
      assert.deepEqual(status.waitingFor, []);
      const doctor = await run([...exec, "doctor", "--mediation", ADDRESS.mediation.ipv4], { accept: [0, 1] });
      assert.equal(doctor.code, 0, doctor.stdout);
      await ping(alice.namespace, ADDRESS.server.ipv4);
      system.agent.kill();
      await until(() => !system.agent.running, { what: "the end of the agent" });
      await download(alice.namespace, ADDRESS.server.ipv4, DOWNLOAD);
      await system.restartAgent();
      await download(alice.namespace, ADDRESS.server.ipv6, DOWNLOAD);
      const healthcheck = ["chroot", root, "/usr/bin/node", "/usr/lib/submirror/healthcheck.mjs"];
      await edge.run(healthcheck);
      await witness.quiet(alice);
      await witness.finish();
      const report = await system.mediation.finish();
      assertMirrored(scenario, report, { subscriber: alice, interceptId: 0x300, sessionId: 0x90, atLeast: 100 });
      assertOriginalsUntouched(scenario, alice, 2 * DOWNLOAD);
      await system.gateway.stop();
      await system.agent.stop();
      assert.equal((await edge.run(healthcheck, { accept: [1] })).code, 1);
    },
  );
});
