/** The guides are followed word for word, on a copy of this machine or towards a cluster that is not there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { guideCommands, REPOSITORY } from "../support/guides.js";
import type { Manifest } from "../support/manifests.js";

function workplace(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "submirror-guide-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function bash(script: string, cwd: string, environment: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...environment },
    timeout: 240_000,
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

test("monitoring", () => {
  const said = bash(guideCommands("monitoring.md"), REPOSITORY);
  assert.match(said, /SUCCESS/);
});

/**
 * Everything is written to an overlay over this machine's root, in a mount namespace that ends with the commands.
 * systemctl is put down in writing, since there need be no systemd here; what it would start is asked whether it would.
 */
const COPY = `
mount -t tmpfs -o size=1g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" overlay "$1/root"
for place in proc sys dev; do mount --rbind "/$place" "$1/root/$place"; done
printf '#!/bin/sh\\necho systemctl "$@"\\n' >"$1/root/usr/bin/systemctl"
chmod 755 "$1/root/usr/bin/systemctl"
exec chroot "$1/root" bash -euo pipefail -c "$3" bash "$2"`;

const AFTER_START = `
refused() { if "$@" >/dev/null 2>&1; then echo "not refused: $*" >&2; exit 1; fi; }
[ "$(stat -c %U:%a /etc/submirror/keys/gw1.sign)" = submirror:600 ]
for unit in submirror-agent submirror-gateway; do
  systemd-analyze verify --man=no "$unit.service"
  command=$(sed -n 's/^ExecStart=//p' "/etc/systemd/system/$unit.service")
  case $unit in
    *agent) as=(); env=agent.env ;;
    *gateway) as=(setpriv --reuid submirror --regid submirror --clear-groups); env=gateway.env ;;
  esac
  (set -a; . "/etc/submirror/$env"; "\${as[@]}" $command --print-config) | grep -q strict
  refused "\${as[@]}" env -i PATH="$PATH" $command --print-config
done
setpriv --reuid submirror --regid submirror --clear-groups submirror keys show /etc/submirror/keys/gw1.sign | grep -q U
refused setpriv --reuid submirror --regid submirror --clear-groups cat /etc/submirror/keys/edge1.sign
echo all as the guide says
`;

test("nodes with systemd", (t) => {
  const commands = guideCommands("deploy-systemd.md");
  const start = commands.split("\n").find((line) => line.startsWith("systemctl enable")) ?? "";
  const upgrade = commands.indexOf(start) + start.length + 1;
  // The kernel's part is common to all copies of this machine: it is tried in the lab, not here.
  const rest = commands
    .slice(upgrade)
    .replace("submirror agent --uninstall", "submirror agent --help | grep -q uninstall");
  assert.notEqual(rest, commands.slice(upgrade));
  const script = `cd "$1"\n${commands.slice(0, upgrade)}\n${AFTER_START}\n${rest}\n[ ! -e /usr/bin/submirror ] && [ -e /etc/submirror/keys/edge1.seal ]`;
  const directory = workplace(t);
  const inside = 'exec unshare --mount --propagation private bash -euc "$1" bash "$2" "$3" "$4"';
  const { status, stdout, stderr } = spawnSync("bash", ["-c", inside, "bash", COPY, directory, REPOSITORY, script], {
    encoding: "utf8",
    timeout: 240_000,
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.ok(stdout.includes("all as the guide says"), stdout);
  for (const expected of ["enable --now", "restart", "disable --now"])
    assert.ok(stdout.includes(`systemctl ${expected} submirror-agent submirror-gateway`), stdout);
});

/** What would ask the cluster is rendered in its place, or put down in writing. */
const KUBECTL = (real: string): string => `#!/bin/bash
case " $* " in
  *" create "*) ${real} "$@" --dry-run=client -o yaml >>"$CLUSTER"; echo --- >>"$CLUSTER" ;;
  *) echo kubectl "$@" ;;
esac`;
const HELM = (real: string): string => `#!/bin/bash
case $1 in
  upgrade) shift; [ "$1" != --install ] || shift; ${real} template "$@" >>"$CLUSTER" ; echo helm upgrade ;;
  uninstall) echo helm "$@" ;;
  *) exec ${real} "$@" ;;
esac`;

test("Kubernetes", (t) => {
  const directory = workplace(t);
  const bin = join(directory, "bin");
  for (const place of ["bin", "keys"]) mkdirSync(join(directory, place));
  for (const name of ["ca.crt", "agent.crt", "agent.key", "gateway.crt", "gateway.key"])
    writeFileSync(join(directory, "keys", name), name);
  symlinkSync(join(REPOSITORY, "deploy"), join(directory, "deploy"));
  const program = (name: string, text: string): void => writeFileSync(join(bin, name), text, { mode: 0o755 });
  program("kubectl", KUBECTL(join(REPOSITORY, "build/tools/kubectl")));
  program("helm", HELM(join(REPOSITORY, "build/tools/helm")));
  program("submirror", `#!/bin/sh\nexec ${process.execPath} ${join(REPOSITORY, "dist/src/cli/main.js")} "$@"`);
  const cluster = join(directory, "cluster.yaml");
  const said = bash(guideCommands("deploy-kubernetes.md"), directory, {
    CLUSTER: cluster,
    PATH: `${bin}:${process.env["PATH"]}`,
    HOME: directory,
  });
  assert.match(said, /1 chart\(s\) linted, 0 chart\(s\) failed/);
  assert.match(said, /helm uninstall submirror/);
  const manifests = parseAllDocuments(readFileSync(cluster, "utf8"))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  const entries = (name: string): string[] =>
    Object.keys(manifests.find((it) => it.kind === "Secret" && it.metadata.name === name)?.data ?? {});
  const configured = (component: string): string =>
    Object.values(
      manifests.find((it) => it.kind === "ConfigMap" && it.metadata.name.endsWith(component))?.data ?? {},
    ).join("\n");
  for (const component of ["agent", "gateway"]) {
    const text = configured(component);
    const files = [...text.matchAll(/\/etc\/submirror\/keys\/(\S+)/g)].map(([, name = ""]) => name);
    assert.ok(files.length >= 5, text);
    assert.deepEqual(files.toSorted(), entries(`submirror-${component}-keys`).toSorted(), component);
    const env = entries(component === "agent" ? "submirror-public-keys" : "submirror-gateway-env");
    const variables = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name);
    const own = ["HOST_IP", "POD_IP"];
    assert.deepEqual([...new Set(variables)].filter((name) => !own.includes(name)).toSorted(), env.toSorted());
  }
});
