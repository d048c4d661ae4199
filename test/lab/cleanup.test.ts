/** Whatever ends a lab, nothing of it stays on the machine. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { after, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Lab } from "./parts/lab.js";
import { until } from "./parts/poll.js";

interface Standing {
  readonly child: ChildProcess;
  readonly namespace: string;
  readonly directory: string;
  readonly daemon: number;
}

const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill("SIGTERM");
});

async function standingLab(...args: string[]): Promise<Standing> {
  const program = fileURLToPath(new URL("./parts/standing-lab.js", import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += data.toString()));
  await until(() => said.includes("\n"), { what: "the lab to stand" });
  return { child, ...(JSON.parse(said) as Omit<Standing, "child">) };
}

/** Ended, or a zombie that its parent has not asked about yet. */
function gone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

/** Namespace, directory, mount. */
const stays = ({ namespace, directory }: Standing): boolean[] => [
  existsSync(`/run/netns/${namespace}`),
  existsSync(directory),
  readFileSync("/proc/self/mounts", "utf8").includes(directory),
];

for (const [what, args, signal] of [
  ["an interrupt", [], "SIGINT"],
  ["a termination", [], "SIGTERM"],
  ["a lost terminal", [], "SIGHUP"],
  ["an error that nobody caught", ["throw"], undefined],
  ["its own end", ["return"], undefined],
] as const) {
  it(`${what} leaves nothing behind`, async () => {
    const standing = await standingLab(...args);
    const ended = standing.child.exitCode === null ? once(standing.child, "exit") : undefined;
    if (signal !== undefined) {
      assert.deepEqual(stays(standing), [true, true, true]);
      standing.child.kill(signal);
    }
    await ended;
    assert.deepEqual(stays(standing), [false, false, false]);
    await until(() => gone(standing.daemon), { what: "the end of the daemon" });
  });
}

it("what a kill leaves behind, the next lab removes", async () => {
  const standing = await standingLab();
  const ended = once(standing.child, "exit");
  standing.child.kill("SIGKILL");
  await ended;
  assert.deepEqual(stays(standing), [true, true, true]);
  await until(() => gone(standing.daemon), { what: "the end of the daemon" });
  new Lab().destroy();
  assert.deepEqual(stays(standing), [false, false, false]);
});
