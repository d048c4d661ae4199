/** What is missing on a node, shown on trees that stand for one. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkPrerequisites } from "../../../src/agent/prerequisites.js";
import { parseConfig, requireAgentParts } from "../../../src/config/load.js";

const ALL_CAPABILITIES = "000001ffffffffff";
const NO_CAPABILITIES = "0000000000000000";

interface NodeTree {
  readonly capabilities?: string;
  readonly btf?: boolean;
  readonly libbpf?: boolean;
}

function check(tree: NodeTree, interfaces = "access: [eth1]"): string[] {
  const root = mkdtempSync(join(tmpdir(), "submirror-node-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("proc/self/status", `Name:\tnode\nCapEff:\t${tree.capabilities ?? ALL_CAPABILITIES}\n`);
  write("proc/self/net/dev", "Inter-| Receive\n face |bytes\n    lo: 1 2\n  eth1: 3 4\n");
  if (tree.btf !== false) write("sys/kernel/btf/vmlinux", "");
  if (tree.libbpf !== false) write("usr/lib/x86_64-linux-gnu/libbpf.so.1", "");
  try {
    const yaml = `interfaces: { ${interfaces} }\nmediation: { sourceIpv4: 192.0.2.1 }\n`;
    return checkPrerequisites(requireAgentParts(parseConfig(yaml, "edge1.yaml"), "edge1.yaml"), { root });
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("a node that has everything", () => assert.deepEqual(check({}), []));

test("without capabilities", () => {
  assert.match(
    check({ capabilities: NO_CAPABILITIES }).join("\n"),
    /^the agent lacks CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF: run it as root/,
  );
});

test("CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, not for CAP_NET_ADMIN", () => {
  assert.match(check({ capabilities: (1n << 21n).toString(16) }).join("\n"), /^the agent lacks CAP_NET_ADMIN: /);
  assert.deepEqual(check({ capabilities: ((1n << 21n) | (1n << 12n)).toString(16) }), []);
});

test("without BTF", () =>
  assert.match(check({ btf: false }).join("\n"), /^\/sys\/kernel\/btf\/vmlinux cannot be read: run a kernel/));

test("without libbpf", () => assert.match(check({ libbpf: false }).join("\n"), /^libbpf\.so\.1 is not there: install/));

test("without the interface; a pattern may wait for its first", () => {
  assert.deepEqual(check({}, 'access: ["ppp*"]'), []);
  assert.deepEqual(check({}, "access: [eth1, eth2], mediation: [eth3]"), [
    "the interface eth2 of interfaces.access is not there: create it, or correct the configuration",
    "the interface eth3 of interfaces.mediation is not there: create it, or correct the configuration",
  ]);
});

test("everything that is missing is told at once", () => {
  assert.equal(check({ capabilities: NO_CAPABILITIES, btf: false, libbpf: false }, "access: [eth2]").length, 4);
});
