/**
 * The whole story with agent and gateway confined: three capabilities or none, a read-only root, the seccomp profile that
 * is shipped; and what they cannot do any more.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { hasRoomForTheYoung } from "../../../src/security/process/begin-anew.js";
import { maskOf } from "../../../src/security/process/privileges.js";
import { makeStrictKeys } from "../../support/strict.js";
import { assertMirrored, assertOriginalsUntouched } from "../parts/assertions.js";
import { confined, SECCOMP_PROFILE } from "../parts/confine.js";
import { exchange } from "../parts/exchange.js";
import { run } from "../parts/run.js";
import { withScenario } from "../parts/scenario.js";
import { expect } from "../parts/sessions.js";
import { userRecord } from "../parts/system.js";

const LI = { action: "on", handle: "0000030000000090" } as const;
const SMALL = { downloadBytes: 3_000_000, uploadBytes: 500_000 };
const CAPABILITIES = { agent: ["bpf", "net_admin", "perfmon"], gateway: [] };

/** Fields of /proc/PID/status of every thread. */
async function threadStatus(pid: number): Promise<ReadonlyMap<string, string>[]> {
  const { stdout } = await run(["sh", "-c", `cat /proc/${pid}/task/*/status`]);
  return stdout
    .split(/^Name:/m)
    .slice(1)
    .map((text) => new Map([...text.matchAll(/^(\w+):\s*(.*)$/gm)].map(([, name = "", value = ""]) => [name, value])));
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await run(["sh", "-c", `cat /proc/${pid}/task/*/children`]);
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}

async function assertHeld(pid: number, mask: bigint): Promise<void> {
  const threads = await threadStatus(pid);
  assert.ok(threads.length > 3, `${threads.length} threads`);
  for (const status of threads) {
    for (const set of ["CapEff", "CapPrm", "CapBnd"])
      assert.equal(BigInt(`0x${status.get(set)}`), mask, `${set} of ${pid}`);
    assert.equal(status.get("NoNewPrivs"), "1");
  }
}

it("the login story with three capabilities, a read-only root and the seccomp profile", async () => {
  using keys = makeStrictKeys();
  const users = ({ alice }: Parameters<Parameters<typeof withScenario>[0]["users"]>[0]): string =>
    userRecord(alice, LI);
  let writable: string[] = [];
  const start = (command: "agent" | "gateway", argv: readonly string[]): string[] =>
    confined({ capabilities: CAPABILITIES[command], writable }, argv);
  await withScenario(
    {
      users: (topology) => {
        writable = [topology.lab.directory, keys.directory];
        return users(topology);
      },
      configuration: keys.sections,
      start,
    },
    async (scenario) => {
      const { topology, actors, witness, system } = scenario;
      const { alice } = topology;
      const session = { subscriber: alice, id: "1048577" };
      await actors.login(session);
      await exchange(alice, SMALL);
      await system.agent.stop("SIGTERM");
      await system.restartAgent();
      await exchange(alice, SMALL);
      const before = await witness.quiet(alice);
      await assertHeld(system.agent.pid, maskOf(["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]));
      await assertHeld(system.gateway.pid, 0n);
      for (const { pid } of [system.agent, system.gateway]) {
        assert.ok(hasRoomForTheYoung(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")));
        for (const status of await threadStatus(pid)) assert.equal(status.get("Seccomp"), "2");
        for (const path of ["/etc/here", "/usr/here", "/proc/sys/net/ipv4/ip_forward"]) {
          const { stderr } = await run(["nsenter", "-t", String(pid), "-m", "sh", "-c", `echo 1 > ${path} || true`]);
          assert.match(stderr, /Read-only file system/, path);
        }
      }
      expect(await actors.changeMirroring(session.id, { ...LI, action: "off" }), "CoA-ACK");
      await exchange(alice, SMALL);
      await witness.quiet(alice);
      await witness.finish();
      const report = await system.mediation.finish();
      const ids = { interceptId: 0x300, sessionId: 0x90 };
      assertMirrored(scenario, report, { subscriber: alice, ...ids, window: { before }, atLeast: 200 });
      assertOriginalsUntouched(scenario, alice, 3 * SMALL.downloadBytes);
      assert.doesNotMatch(system.agent.stdout(), /"level":"(warn|error)"/);
    },
  );
});

it("started by root, agent and gateway give away what they do not need, and give nothing to what they start", async () => {
  await withScenario({ users: ({ alice }) => userRecord(alice, LI) }, async ({ system }) => {
    await assertHeld(system.agent.pid, maskOf(["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]));
    await assertHeld(system.gateway.pid, 0n);
    const children = await childrenOf(system.agent.pid);
    assert.equal(children.length, 1, "its nats-server");
    for (const pid of children) {
      assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /nats-server/);
      for (const status of await threadStatus(pid)) {
        for (const set of ["CapEff", "CapPrm"]) assert.equal(BigInt(`0x${status.get(set)}`), 0n, set);
      }
    }
  });
});

it("the seccomp profile refuses what a mirror has no business with, to root too", async () => {
  const probe = `
    import koffi from "koffi";
    const syscall = koffi.load("libc.so.6").func("long syscall(long number, long a, long b, long c, long d, long e)");
    const numberOf = koffi.load("libseccomp.so.2").func("int seccomp_syscall_resolve_name(const char *name)");
    const failed = {};
    const attempt = (name, ...args) => { failed[name] = syscall(numberOf(name), ...args) < 0 ? koffi.errno() : 0; };
    for (const name of ["mount", "ptrace", "init_module", "kexec_load", "setns", "unshare", "clock_settime",
      "open_by_handle_at", "process_vm_readv", "keyctl", "io_uring_setup"]) attempt(name, -1, 1, -1, 1, -1);
    const AF_VSOCK = 40;
    attempt("socket", AF_VSOCK, 1, 0, 0, 0);
    console.log(JSON.stringify(failed));`;
  const node = [process.execPath, "--input-type=module", "-e", probe];
  const under = confined({ capabilities: ["bpf", "net_admin", "perfmon"], writable: [] }, node).slice(-7);
  assert.ok(under.includes(SECCOMP_PROFILE));
  const EPERM = 1;
  const refused = JSON.parse((await run(under)).stdout) as Record<string, number>;
  for (const [name, errno] of Object.entries(refused)) assert.equal(errno, EPERM, name);
  // Root, whom nothing holds back, is told something else: it is the profile that refuses.
  const free = JSON.parse((await run(node)).stdout) as Record<string, number>;
  for (const [name, errno] of Object.entries(free)) assert.notEqual(errno, EPERM, name);
});
