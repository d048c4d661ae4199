/** The systemd units: sound, tight, and allowing the system calls that agent and gateway were shown to need. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { generateSealingSeed, sealingKeyFromSeed } from "../../src/security/keys/sealing-key.js";
import { generateSigningSeed, signerFromSeed } from "../../src/security/keys/signing-key.js";

/** From dist/test/deploy. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const UNITS = ["submirror-agent", "submirror-gateway"] as const;
/** What systemd-analyze says of a unit that bounds what this one can do without: 0 nothing, 10 everything. */
const EXPOSURE = { "submirror-agent": 2.7, "submirror-gateway": 1.5 } as const;
const CAPABILITIES = {
  "submirror-agent": ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"],
  "submirror-gateway": [],
} as const;

const PUBLIC = {
  signer: signerFromSeed(generateSigningSeed()).publicKey,
  sealing: sealingKeyFromSeed(generateSealingSeed()).publicKey,
};
const ENVIRONMENT = {
  EDGE1_SIGNING_KEY: signerFromSeed(generateSigningSeed()).publicKey,
  EDGE1_SEALING_KEY: PUBLIC.sealing,
  GW1_SIGNING_KEY: PUBLIC.signer,
  BNG1_SECRET: "hush-bng1",
  AAA_SECRET: "hush-aaa",
  DAC_SECRET: "hush-dac",
};

const file = (unit: string): string => join(ROOT, "deploy/systemd", `${unit}.service`);

function run(command: string, ...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

/** Values of a setting, in the order of the file; each with its words. */
function settings(unit: string, name: string): string[][] {
  const lines = readFileSync(file(unit), "utf8").matchAll(new RegExp(`^${name}=(.*)$`, "gm"));
  return [...lines].map(([, value = ""]) => value.split(/\s+/).filter(Boolean));
}

test("systemd finds nothing to say about the units", (t) => {
  const root = mkdtempSync(join(tmpdir(), "submirror-units-"));
  t.after(() => rmSync(root, { recursive: true }));
  const units = join(root, "lib/systemd/system");
  mkdirSync(units, { recursive: true });
  // systemd's own, so that what ours refer to is there.
  const { output } = run("dpkg", "-L", "systemd");
  for (const path of output.split("\n").filter((line) => /^(?:\/usr)?\/lib\/systemd\/system\/[^/]+$/.test(line)))
    cpSync(path, join(units, path.split("/").at(-1) ?? ""), { recursive: true, dereference: false });
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "usr/bin/submirror"), "#!/bin/true\n", { mode: 0o755 });
  for (const unit of UNITS) cpSync(file(unit), join(units, `${unit}.service`));
  const verify = (): ReturnType<typeof run> =>
    run("systemd-analyze", "verify", "--man=no", `--root=${root}`, ...UNITS.map((unit) => `${unit}.service`));
  assert.deepEqual(verify(), { status: 0, output: "" });
  const agent = readFileSync(file("submirror-agent"), "utf8");
  writeFileSync(join(units, "submirror-agent.service"), agent.replace("StateDirectory=", "StateDirektory="));
  assert.match(verify().output, /StateDirektory/, "a mistake would be found");
});

for (const unit of UNITS) {
  test(`${unit} has few rights`, () => {
    const { status, output } = run(
      "systemd-analyze",
      "security",
      "--offline=true",
      "--no-pager",
      `--threshold=${EXPOSURE[unit] * 10}`,
      file(unit),
    );
    assert.equal(status, 0, output);
    for (const name of ["CapabilityBoundingSet", ...(CAPABILITIES[unit].length > 0 ? ["AmbientCapabilities"] : [])])
      assert.deepEqual(settings(unit, name).flat().toSorted(), [...CAPABILITIES[unit]]);
  });

  test(`${unit} may call what the seccomp profile allows, under which the lab runs both`, () => {
    const [first = [], denied = [], ...more] = settings(unit, "SystemCallFilter");
    const allowed = new Set(first.flatMap(expand));
    for (const name of denied.map((word) => word.replace(/^~/, "")).flatMap(expand)) allowed.delete(name);
    for (const name of more.flat().flatMap(expand)) allowed.add(name);
    const needed = profile().filter((name) => unit === "submirror-agent" || name !== "bpf");
    assert.deepEqual(
      needed.filter((name) => !allowed.has(name)),
      [],
    );
  });
}

test("nothing makes a restart take away what is mirrored", () => {
  const agent = readFileSync(file("submirror-agent"), "utf8");
  assert.doesNotMatch(agent, /uninstall|PrivateNetwork=yes|ProtectKernelTunables=yes|ExecStop/);
  assert.deepEqual(settings("submirror-agent", "Restart"), [["on-failure"]]);
  assert.ok(settings("submirror-agent", "ReadWritePaths").flat().includes("/sys/fs/bpf"));
  assert.deepEqual(settings("submirror-agent", "RestartPreventExitStatus"), [["2"]]);
});

for (const [command, name] of [
  ["agent", "submirror.yaml"],
  ["gateway", "gateway.yaml"],
] as const) {
  test(`the ${command} takes the example ${name}`, () => {
    const example = join(ROOT, "deploy/systemd", name);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, "dist/src/cli/main.js"), command, "--config", example, "--print-config"],
      { encoding: "utf8", env: { ...process.env, ...ENVIRONMENT } },
    );
    assert.equal(status, 0, stderr);
    assert.ok(stdout.includes(PUBLIC.signer));
    assert.doesNotMatch(stdout, /hush/);
  });
}

function profile(): string[] {
  const { syscalls } = JSON.parse(readFileSync(join(ROOT, "deploy/seccomp/submirror.json"), "utf8")) as {
    syscalls: { names: string[]; action: string }[];
  };
  return syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW").flatMap(({ names }) => names);
}

/** System calls of a set such as @system-service, sets in it included; or the call itself. */
function expand(word: string): string[] {
  if (!word.startsWith("@")) return [word];
  const { output } = run("systemd-analyze", "syscall-filter", word);
  const [, ...members] = output.split("\n").map((line) => line.trim());
  return members.filter((line) => line !== "" && !line.startsWith("#")).flatMap(expand);
}
