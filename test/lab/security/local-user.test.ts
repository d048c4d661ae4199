/** Somebody with an account on the edge node, and no rights there: what runs is no secret, whom it is about is. */
import assert from "node:assert/strict";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Reachable, reachableAt } from "../../support/reachable.js";
import { temporaryDirectory } from "../../support/security.js";
import { makeStrictKeys } from "../../support/strict.js";
import { exchange } from "../parts/exchange.js";
import { httpGet } from "../parts/http.js";
import type { Namespace } from "../parts/namespace.js";
import type { RunResult } from "../parts/run.js";
import { withScenario } from "../parts/scenario.js";
import { userRecord } from "../parts/system.js";
import { ADDRESS } from "../parts/topology.js";

const LI = { action: "on", handle: "0000030000000090" } as const;
const TOKEN = "shown-to-the-bus";
const TAP = new URL("../parts/nats-tap.js", import.meta.url);
const ANY = Array.from({ length: 256 }, (_, code) => code);

/** Runs it on the edge as nobody, with no group and no capability. */
function asNobody(
  edge: Namespace,
  argv: readonly string[],
  { prefix }: Pick<Reachable, "prefix"> = { prefix: [] },
): Promise<RunResult> {
  const nobody = [...prefix, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const env = { PATH: process.env.PATH, HOME: "/" };
  return edge.run([...nobody, ...argv], { accept: ANY, timeout: 10_000, env });
}

it("an unprivileged user of the node learns nothing of whom is mirrored", async () => {
  using keys = makeStrictKeys();
  const configuration = { ...keys.sections, nats: { token: TOKEN } };
  await withScenario({ users: ({ alice }) => userRecord(alice, LI), configuration }, async (scenario) => {
    const { topology, actors, system } = scenario;
    const { alice, lab, edge } = topology;
    await actors.login({ subscriber: alice, id: "1048577" });
    await exchange(alice, { downloadBytes: 500_000, uploadBytes: 100_000 });
    // It is not the test's own directories that keep everybody out.
    for (const path of [lab.directory, keys.directory]) chmodSync(path, 0o755);

    const refused = async (
      argv: readonly string[],
      words = /Permission denied|Operation not permitted|EACCES/,
      reachable?: Reachable,
    ) => {
      const { code, stdout, stderr } = await asNobody(edge, argv, reachable);
      assert.notEqual(code, 0, `${argv.join(" ")}: ${stdout}`);
      assert.match(`${stdout}${stderr}`, words, argv.join(" "));
    };
    // The local socket.
    const ask = `require("net").connect(process.argv[1]).on("error", (error) => { console.log(error.code); process.exit(1); })`;
    await refused([process.execPath, "-e", ask, lab.path("agent.sock")], /EACCES/);
    // The kernel's maps, by their pins and by their numbers.
    const pins = join(lab.bpffs(), "submirror");
    assert.ok(readdirSync(pins).length > 0, "root sees the pins");
    await refused(["ls", pins]);
    await refused(["bpftool", "map", "show"]);
    await refused(["bpftool", "prog", "show"]);
    await refused(["tcpdump", "-c", "1", "-i", "med0"], /permission/i);
    // The processes.
    const daemons = [system.agent.pid, system.gateway.pid];
    for (const pid of daemons) {
      for (const file of ["environ", "maps", "mem", "auxv", "syscall"])
        await refused(["dd", `if=/proc/${pid}/${file}`, "of=/dev/null", "count=1"]);
      await refused(["ls", `/proc/${pid}/fd`]);
    }
    // The files: configuration, keys, audit log, memory of orders, the server's streams.
    const places = [lab.path("nats"), lab.path("edge.yaml"), keys.directory];
    const { stdout: readable } = await asNobody(edge, ["find", ...places, "-type", "f", "-readable"]);
    assert.equal(readable, "");
    // The bus.
    using repository = temporaryDirectory();
    chmodSync(repository.path, 0o755);
    const reachable = reachableAt(repository.path);
    await refused([process.execPath, fileURLToPath(reachable.moduleAt(TAP))], /authorization/i, reachable);
    // What everybody may see says how much, and not of whom.
    const metrics = (await httpGet(edge, "http://127.0.0.1:9464/metrics"))?.body ?? "";
    const commands = daemons.map((pid) => `/proc/${pid}/cmdline`).join(" ");
    const look = `cat ${commands} /proc/net/*; ip -d -s link; ip route`;
    const seen = `${metrics}${(await asNobody(edge, ["sh", "-c", look])).stdout}`;
    assert.match(seen, /submirror-in/);
    for (const secret of [alice.name, "1048577", LI.handle, TOKEN]) assert.ok(!seen.includes(secret), secret);
    assert.ok(!metrics.includes(ADDRESS.mediation.ipv4));
  });
});
