/** What the program takes from itself: capabilities, and what others could see of its memory. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { type Capability, maskOf } from "../../../src/security/process/privileges.js";
import { reachableAt } from "../../support/reachable.js";
import { temporaryDirectory } from "../../support/security.js";

const LIMIT = new URL("../../../src/cli/limit-process.js", import.meta.url);
const SECRET = "of-nobody-else";
/** Names to keep come as arguments; what it has then is printed, and it waits until its standard input ends. */
const scriptWith = (module: string) => `
  const { limitProcess } = await import("${module}");
  const [drop, ...keep] = process.argv.slice(2);
  limitProcess("agent", { security: { dropPrivileges: drop === "drop" } }, keep);
  const { readFileSync, writeFileSync } = await import("node:fs");
  const { spawnSync } = await import("node:child_process");
  const child = spawnSync("/bin/cat", ["/proc/self/status"], { encoding: "utf8" }).stdout;
  writeFileSync("made", "");
  console.log(JSON.stringify({ pid: process.pid, argv: process.argv.slice(2), options: process.execArgv, secret: process.env.SECRET,
    status: readFileSync("/proc/self/status", "utf8"), limits: readFileSync("/proc/self/limits", "utf8"), child }));
  process.stdin.resume();`;

interface Report {
  readonly pid: number;
  readonly argv: string[];
  readonly options: string[];
  readonly secret: string;
  readonly status: string;
  readonly limits: string;
  readonly child: string;
}

/** Node run so that it begins anew as it was begun: options, program, arguments. */
async function start(
  directory: string,
  args: readonly string[],
  prefix: readonly string[] = [],
  module = LIMIT.href,
  options: readonly string[] = [],
) {
  const script = join(directory, "limited.mjs");
  spawnSync("tee", [script], { input: scriptWith(module) });
  const [command = "", ...rest] = [...prefix, process.execPath, ...options, "--no-warnings", script, ...args];
  const child = spawn(command, rest, {
    stdio: ["pipe", "pipe", "pipe"],
    cwd: directory,
    env: { PATH: process.env.PATH, SECRET },
  });
  let out = "";
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
  const report = await new Promise<Report>((resolve, reject) => {
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
      if (out.endsWith("\n")) resolve(JSON.parse(out) as Report);
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${errors}`)));
  });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  return { report, child, errors: () => errors, [Symbol.asyncDispose]: stop };
}

const field = (status: string, name: string): bigint =>
  BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);

function assertCapabilities(status: string, held: bigint, bounding: bigint = held): void {
  assert.equal(field(status, "CapEff"), held, "effective");
  assert.equal(field(status, "CapPrm"), held, "permitted");
  assert.equal(field(status, "CapBnd"), bounding, "bounding");
}

for (const keep of [
  [],
  ["CAP_NET_BIND_SERVICE"],
  ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"],
] satisfies Capability[][]) {
  it(`root keeps ${keep.join(", ") || "nothing"}, under the same process id, arguments and environment`, async () => {
    using directory = temporaryDirectory();
    await using limited = await start(directory.path, ["drop", ...keep]);
    const { report, child } = limited;
    assert.equal(report.pid, child.pid);
    assert.deepEqual(report.argv, ["drop", ...keep]);
    assert.equal(report.secret, SECRET);
    assertCapabilities(report.status, maskOf(keep));
    assert.equal(field(report.status, "NoNewPrivs"), 1n);
    assertCapabilities(report.child, 0n, maskOf(keep));
    assert.equal(limited.errors(), "");
  });
}

for (const [options, begunWith] of [
  [[], ["--min-semi-space-size=16", "--no-warnings"]],
  [["--min-semi-space-size=4"], ["--min-semi-space-size=4", "--no-warnings"]],
] as const) {
  for (const drop of ["drop", "keep"])
    it(`a daemon begins with ${begunWith.join(" ")} where it was begun with ${options.join() || "nothing"} (${drop})`, async () => {
      using directory = temporaryDirectory();
      await using limited = await start(directory.path, [drop], [], LIMIT.href, options);
      assert.deepEqual(limited.report.options, begunWith);
    });
}

it("who has few capabilities keeps them", async () => {
  using directory = temporaryDirectory();
  const prefix = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps=-all"];
  await using limited = await start(directory.path, ["drop", "CAP_NET_ADMIN", "CAP_BPF"], prefix);
  assertCapabilities(limited.report.status, maskOf(["CAP_NET_ADMIN"]));
  assert.equal(limited.errors(), "");
});

it("who has too many and may drop none is told so, and goes on", async () => {
  using directory = temporaryDirectory();
  const prefix = ["setpriv", "--bounding-set", "-all,+net_admin,+chown", "--inh-caps=-all"];
  await using limited = await start(directory.path, ["drop", "CAP_NET_ADMIN"], prefix);
  assert.match(limited.errors(), /^[^\n]*lacks CAP_SETPCAP[^\n]*\n$/);
  assert.notEqual(field(limited.report.status, "CapEff"), maskOf(["CAP_NET_ADMIN"]));
});

it("security.dropPrivileges: false leaves everything, and closes the process all the same", async () => {
  using directory = temporaryDirectory();
  await using limited = await start(directory.path, ["keep", "CAP_NET_ADMIN"]);
  assert.ok(field(limited.report.status, "CapEff") > maskOf(["CAP_NET_ADMIN", "CAP_BPF"]));
  assert.match(limited.report.limits, /Max core file size\s+0\s+0\s/);
});

it("files that it makes are its owner's alone, and no core is dumped", async () => {
  using directory = temporaryDirectory();
  await using limited = await start(directory.path, ["drop"]);
  assert.equal(statSync(join(directory.path, "made")).mode & 0o077, 0);
  const ended = once(limited.child, "exit");
  limited.child.kill("SIGABRT");
  assert.deepEqual(await ended, [null, "SIGABRT"]);
  assert.deepEqual(
    readdirSync(directory.path).filter((name) => name.startsWith("core")),
    [],
  );
  assert.match(limited.report.limits, /Max core file size\s+0\s+0\s/);
});

it("environment and memory are closed to other programs, also to those of the same user", async () => {
  using directory = temporaryDirectory();
  spawnSync("chmod", ["0777", directory.path]);
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  using repository = temporaryDirectory();
  spawnSync("chmod", ["0755", repository.path]);
  const { prefix, moduleAt } = reachableAt(repository.path);
  await using limited = await start(directory.path, ["drop"], [...prefix, ...nobody], moduleAt(LIMIT));
  const look = (pid: number | undefined, file: string) => {
    const [command, ...rest] = [...nobody, "dd", `if=/proc/${pid}/${file}`, "of=/dev/null", "count=1"];
    return spawnSync(command, rest, { encoding: "utf8" });
  };
  for (const file of ["environ", "mem", "maps", "auxv"]) {
    const { status, stderr } = look(limited.child.pid, file);
    assert.notEqual(status, 0, file);
    assert.match(stderr, /Permission denied/, file);
  }
  // Of a program that does not close itself, the same user reads it.
  const open = spawn("setpriv", [...nobody.slice(1), "sleep", "60"], { env: { PATH: process.env.PATH, SECRET } });
  try {
    while (!existsSync(`/proc/${open.pid}/environ`) || statSync(`/proc/${open.pid}/environ`).uid !== 65534)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(look(open.pid, "environ").status, 0);
  } finally {
    open.kill("SIGKILL");
  }
});
