/** The program as a user runs it: what it prints and its exit status. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { commandTree, flattened } from "../../../src/cli/command-tree.js";
import { createProgram } from "../../../src/cli/whole-program.js";

const PROGRAM = fileURLToPath(new URL("../../../src/cli/main.js", import.meta.url));

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, out: stdout, err: stderr };
}

function withConfig<T>(yaml: string, use: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "submirror-cli-"));
  try {
    const file = join(directory, "edge1.yaml");
    writeFileSync(file, yaml);
    return use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("a reader that has enough is no failure", () => {
  // The reader is gone before the first byte is written.
  const script = `(sleep 1; exec "$0" "$1" agent --help) | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath, PROGRAM], { encoding: "utf8" });
  assert.deepEqual([stdout, stderr], ["0\n", ""]);
});

test("help and version end with 0", () => {
  const help = run("--help");
  assert.equal(help.status, 0);
  for (const command of ["agent", "audit", "gateway", "keys", "mediation", "task"])
    assert.match(help.out, new RegExp(`^  ${command} `, "m"));
  assert.match(run("--version").out, /^\d+\.\d+\.\d+\n$/);
  assert.match(run("agent", "--help").out, /Examples:\n {2}submirror agent --config/);
});

test("every command has an example, and all that print something have --json", () => {
  const printsNothing = ["gateway", "completion"];
  for (const { path, commands, after, options } of flattened(commandTree(createProgram()))) {
    if (commands.length > 0) continue;
    const name = path.join(" ");
    assert.match(after, new RegExp(`^Examples?:$\\n(.*\\n)*.*submirror ${name}\\b`, "m"), name);
    if (printsNothing.includes(name)) continue;
    assert.ok(
      options.some(({ long }) => long === "--json"),
      `${name} has --json`,
    );
  }
});

test("wrong usage ends with 2 and says what is meant", () => {
  const mistyped = run("agnt");
  assert.equal(mistyped.status, 2);
  assert.match(mistyped.err, /Did you mean agent/);
  assert.equal(run("agent", "--colour").status, 2);
  assert.equal(run().status, 2);
});

test("three mistakes in the configuration are three lines and 2", () => {
  withConfig("nodes: a\nlog: { level: loud }\nmetrics: { port: -1 }\n", (file) => {
    const { status, err } = run("agent", "--config", file);
    assert.equal(status, 2);
    assert.equal(err.trim().split("\n").length, 3, err);
    assert.ok(err.includes(`${file}:2:15: log.level: expected one of fatal`), err);
  });
});

test("a node that lacks something is told what, with 2", () => {
  withConfig("interfaces: { access: [nosuchif0] }\nmediation: { sourceIpv4: 192.0.2.1 }\n", (file) => {
    const { status, err } = run("agent", "--config", file);
    assert.equal(status, 2);
    assert.match(err, /^submirror: the interface nosuchif0 of interfaces\.access is not there: .+\n$/m);
  });
});

test("lab on a bus that others reach is refused with 2", () => {
  const yaml = `interfaces: { access: [lo] }
mediation: { sourceIpv4: 192.0.2.1 }
security: { mode: lab }
nats: { servers: ["nats://192.0.2.5:4222"] }
`;
  withConfig(yaml, (file) => {
    const { status, err } = run("agent", "--config", file);
    assert.equal(status, 2);
    assert.match(err, /^submirror: security\.mode lab .* is refused where NATS is not on this host's loopback/m);
  });
});

test("--print-config prints what is in force", () => {
  withConfig("nats: { password: hidden-secret }\n", (file) => {
    const { status, out } = run("agent", "--config", file, "--print-config");
    assert.equal(status, 0);
    assert.match(out, /^ {2}mode: strict$/m);
    assert.doesNotMatch(out, /hidden-secret/);
  });
});

test("a reader who has seen enough ends it without a word", () => {
  // It goes on looking, and writing, after its first line was read.
  withConfig("interfaces: { access: [lo] }\nmediation: { sourceIpv4: 192.0.2.1 }\n", (file) => {
    const command = `${process.execPath} ${PROGRAM} doctor --config ${file} | head -1`;
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8", timeout: 60_000 });
    assert.match(stdout, /^ok +configuration /);
    assert.equal(stderr, "");
  });
});
