/** What the doctor makes of what it finds, where the machine that tests run on cannot be brought into that state. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Feature, Features } from "libbpf-ts";
import type { AgentStatus } from "../../../src/agent/local-api.js";
import { judgeAgent } from "../../../src/doctor/agent.js";
import { judgeIpsec } from "../../../src/doctor/bypassed.js";
import { judgeClock } from "../../../src/doctor/clock.js";
import type { Finding } from "../../../src/doctor/finding.js";
import { type InterfaceFacts, judgeInterfaces } from "../../../src/doctor/interfaces.js";
import { judgeKernel } from "../../../src/doctor/kernel.js";

const there: Feature = { supported: true, conclusive: true };
const absent: Feature = { supported: false, conclusive: true, reason: "the kernel has none" };
const untold: Feature = { supported: false, conclusive: false, reason: "load a tc program: EPERM" };

const all: Features = {
  load: there,
  btf: there,
  kernelBtf: there,
  tcx: there,
  batch: there,
  ktimeBootNs: there,
  ringbuf: there,
  devmapHash: there,
  bpffs: there,
};

const datapath = {
  attach: "auto",
  mode: "tc",
  persist: true,
  pinDirectory: "/sys/fs/bpf/submirror",
  keepFirst: true,
} as const;

function states(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ about, state }) => [about, state]));
}

describe("kernel", () => {
  test("an old one is no failure where clsact will do, and one where tcx is asked for", () => {
    assert.equal(states(judgeKernel({ ...all, tcx: absent }, datapath))["tcx"], "warning");
    assert.equal(states(judgeKernel({ ...all, tcx: absent }, { ...datapath, attach: "tcx" }))["tcx"], "failure");
  });

  test("what a probe could not tell is not called absent", () => {
    const judged = states(judgeKernel({ ...all, load: untold, tcx: untold, ktimeBootNs: untold }, datapath));
    assert.deepEqual(
      [judged["bpf"], judged["tcx"], judged["clock helper"], judged["btf"]],
      ["failure", "warning", "warning", "ok"],
    );
  });

  test("device maps are asked for by the XDP modes, bpffs where state outlives the agent", () => {
    assert.equal(states(judgeKernel(all, datapath))["devmap"], undefined);
    assert.equal(
      states(judgeKernel({ ...all, devmapHash: absent }, { ...datapath, mode: "xdp-tap" }))["devmap"],
      "failure",
    );
    assert.equal(states(judgeKernel({ ...all, bpffs: absent }, datapath))["bpffs"], "failure");
    assert.equal(states(judgeKernel({ ...all, bpffs: absent }, { ...datapath, persist: false }))["bpffs"], undefined);
  });
});

describe("clock", () => {
  test("synchronised, within the tolerance or not; not synchronised; unknown", () => {
    assert.equal(judgeClock({ synchronised: true, maxErrorSeconds: 0.02 }, 300).state, "ok");
    assert.equal(judgeClock({ synchronised: true, maxErrorSeconds: 400 }, 300).state, "warning");
    assert.equal(judgeClock({ synchronised: false, maxErrorSeconds: 0.02 }, 300).state, "warning");
    assert.equal(judgeClock(undefined, 300).state, "warning");
  });
});

describe("interfaces", () => {
  const fact = (number: number, more: Partial<InterfaceFacts> = {}): InterfaceFacts => ({
    link: { ifindex: number, name: `ppp${number}`, hasLinkLayer: false, mtu: 1492, up: true },
    roles: ["access"],
    chains: [],
    notForwarded: [],
    ...more,
  });
  const interfaces = { access: ["ppp*"], core: [], mediation: [], zones: {} };

  test("many that are fine are one line, the others stand out", () => {
    const facts = Array.from({ length: 2000 }, (_, number) => fact(number, number === 7 ? { foreignXdp: "foo" } : {}));
    const findings = judgeInterfaces(facts, interfaces, datapath);
    assert.deepEqual(
      findings.map(({ about, state }) => `${state} ${about}`),
      ["ok interfaces", "warning interface ppp7"],
    );
    assert.match(findings[0]?.found ?? "", /^1999 /);
  });

  test("what xdp-forward leaves to tc and goes past is told in that mode alone", () => {
    const about = fact(1, {
      link: { ifindex: 1, name: "eth1", hasLinkLayer: true, mtu: 1500, up: true, qdisc: "htb" },
      obstacle: "eth1 takes VLAN tags off frames before XDP sees them: ethtool -K eth1 rxvlan off",
      filtersSources: true,
    });
    const told = (mode: "tc" | "xdp-forward"): string[] =>
      judgeInterfaces([about], interfaces, { ...datapath, mode }).map(
        ({ state, found, remedy }) => `${state}: ${found} -> ${remedy}`,
      );
    assert.deepEqual(told("xdp-forward"), [
      "warning: xdp-forward leaves packets to tc, since eth1 takes VLAN tags off frames before XDP sees them -> ethtool -K eth1 rxvlan off",
      "warning: originals that xdp-forward sends by eth1 go past its queueing discipline (htb) -> use datapath.mode tc where it is to shape intercepted subscribers, too",
      "warning: xdp-forward does not check sources, as rp_filter of eth1 has the kernel do -> use datapath.mode tc where subscribers can send with each other's addresses",
    ]);
    assert.equal(told("tc").length, 1);
    assert.match(told("tc").join(), /^ok: /);
  });

  test("IPsec policies are told where there are any", () => {
    assert.deepEqual(judgeIpsec(false), []);
    assert.deepEqual(states(judgeIpsec(true)), { ipsec: "warning" });
  });

  test("a driver without XDP is a failure in the modes that need it", () => {
    const findings = judgeInterfaces([fact(1, { lacksXdp: "runs no XDP programs" })], interfaces, {
      ...datapath,
      mode: "xdp-forward",
    });
    assert.equal(findings[0]?.state, "failure");
    assert.equal(findings[0]?.found, "the driver runs no XDP programs, which xdp-forward needs");
  });
});

describe("agent", () => {
  const status: AgentStatus = {
    node: "edge1",
    version: "0.1.0",
    pid: 4711,
    started: "2026-11-22T04:48:00Z",
    security: "strict",
    datapathMode: "tc",
    waitingFor: [],
    sessions: 1,
    intercepts: { active: 1, waiting: 0, failed: 0 },
    eventLag: 0,
    maps: [],
    audit: { entries: 1, copied: 1, unavailable: false },
  };

  test("ready, waiting, refused by the kernel, off the record", () => {
    assert.equal(judgeAgent(status).state, "ok");
    assert.equal(judgeAgent({ ...status, waitingFor: ["NATS"] }).state, "warning");
    assert.equal(judgeAgent({ ...status, intercepts: { active: 1, waiting: 0, failed: 2 } }).state, "failure");
    assert.equal(judgeAgent({ ...status, audit: { ...status.audit, unavailable: true } }).state, "failure");
  });
});
