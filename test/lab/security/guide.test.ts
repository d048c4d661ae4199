/** The guide to strict mode, word for word: its configuration files, and its commands in their order. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { PROGRAM } from "../../support/cli.js";
import { TestAuthority } from "../parts/certificates.js";
import { Lab } from "../parts/lab.js";

/** From dist/test/lab/security. */
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const GUIDE = readFileSync(join(ROOT, "docs/security.md"), "utf8");
const DAEMON = /^(nats-server|submirror (?:agent|gateway)) (?!.*--print-config).*$/gm;
/** What must answer before the next command. */
const PORTS: Readonly<Record<string, string>> = {
  "nats-server": "4222",
  "submirror agent": "9464/readyz",
  "submirror gateway": "9465/readyz",
};

/** Starts in the background, waits until it answers, ends with the script. */
const FRAME = `
set -eu -o pipefail
pids=()
trap 'for pid in "\${pids[@]}"; do kill "$pid"; wait "$pid" || true; done' EXIT
answers() {
  if [ "$1" = 4222 ]; then (exec 3<>/dev/tcp/127.0.0.1/4222) 2>/dev/null
  else "$NODE" -e 'fetch("http://127.0.0.1:" + process.argv[1]).then((it) => process.exit(it.ok ? 0 : 1), () => process.exit(1))' "$1"; fi
}
ready() {
  for ((i = 0; i < 120; i++)); do
    if answers "$1"; then return; fi
    if ! kill -0 "\${pids[-1]}"; then echo "ended before it answered" >&2; exit 1; fi
    sleep 0.25
  done
  exit 1
}
`;

function inLab(lab: Lab, text: string): string {
  return text.replaceAll("/etc/submirror", lab.path("etc")).replaceAll("/var/lib/submirror", lab.path("var"));
}

function script(lab: Lab): string {
  const commands = [...GUIDE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block).join("\n");
  assert.ok((commands.match(/^(.*\| )?submirror /gm) ?? []).length > 15, "the guide has commands");
  const started = commands.replaceAll(DAEMON, (line, name: string) => {
    return `${line} > ${lab.path(`${name.replace(" ", "-")}.log`)} 2>&1 &\npids+=($!)\nready ${PORTS[name]}`;
  });
  return FRAME + inLab(lab, started);
}

function writeConfigurations(lab: Lab): void {
  const files = [...GUIDE.matchAll(/^`\/etc\/submirror\/([\w.-]+)`.*?\n\n```yaml\n(.*?)^```$/gms)];
  assert.equal(files.length, 6);
  for (const [, name = "", text = ""] of files) {
    // Several labs may run on one machine.
    const own = `agent: { socket: ${lab.path("agent.sock")} }\ndatapath: { pinDirectory: ${lab.bpffs()}/submirror }\n`;
    writeFileSync(lab.path("etc", name), inLab(lab, text) + (name === "edge1.yaml" ? own : ""));
  }
}

it("every command of the guide to strict mode does what the guide says", async () => {
  await using lab = new Lab();
  for (const directory of ["etc/tls", "var", "bin"]) mkdirSync(lab.path(directory), { recursive: true });
  const authority = new TestAuthority(lab.path("etc", "tls"));
  authority.issue("localhost", "server");
  authority.issue("client");
  writeConfigurations(lab);
  const submirror = `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`;
  writeFileSync(lab.path("bin", "submirror"), submirror, { mode: 0o755 });
  const edge = await lab.namespace("edge");
  for (const name of ["acc0", "med0"])
    await edge.ip(`link add ${name} type veth peer name far-${name}`, `link set ${name} up`);
  await edge.ip("address add 198.51.100.1/24 dev med0");

  const env = { ...process.env, PATH: `${lab.path("bin")}:${process.env["PATH"]}`, NODE: process.execPath };
  const file = lab.path("guide.sh");
  writeFileSync(file, script(lab));
  const argv = ["bash", "-c", `cd ${ROOT} && exec bash ${file}`];
  const { code, stdout, stderr } = await edge.run(argv, { env, timeout: 180_000, accept: [0, 1, 2] });
  const logs = readdirSync(lab.directory)
    .filter((name) => name.endsWith(".log"))
    .map((name) => `${name}: ${readFileSync(lab.path(name), "utf8").slice(-2000)}`);
  assert.equal(code, 0, `${stdout}\n${stderr}\n${logs.join("\n")}`);

  assert.equal(stdout.match(/edge1 +applied/g)?.length, 3, stdout);
  assert.equal(stdout.match(/edge1 +stopped/g)?.length, 1, stdout);
  assert.match(stdout, /t-42.*in force/);
  assert.match(stdout, /entries 1 to \d+ in 1 file fit/);
  assert.match(stdout, /are the same as their copies/);
  assert.match(stdout, /order .*alice/s, "the auditor's key opens whom it is about");
  assert.match(stderr, /"reference": "W-2026-0043"/, "whoever signs sees what");
  assert.match(stdout, /Without a gap, in this order/);
  assert.ok(!/S[UX][A-Z2-7]{56}/.test(stdout + stderr + logs.join("")), "no secret key is printed");
});
