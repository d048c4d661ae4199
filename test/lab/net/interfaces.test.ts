/** Interfaces that come and go while there is traffic. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { queryTcx } from "libbpf-ts";
import { DatapathError } from "../../../src/datapath/port.js";
import { changeLink, createVethPair, deleteLink, findLink } from "../../../src/net/links.js";
import { ifindexOf, ip } from "../../bpf/network.js";
import { DEVICE_MAC } from "../../bpf/rig.js";
import { until } from "../../support/poll.js";
import { accessWire, collect, copies, Edge, mediationWire, range } from "./edge.js";

const ON_ACC0 = { matches: [{ kind: "interface", name: "acc0" }] } as const;

function programsOn(name: string): number {
  const ifindex = ifindexOf(name);
  return queryTcx(ifindex, "ingress").entries.length + queryTcx(ifindex, "egress").entries.length;
}

function veth(name: string, number: number): void {
  const mac = (end: number) => Buffer.from([2, 0, 0x5e, end, number >> 8, number & 255]);
  createVethPair({ name, mac: mac(1), mtu: 1500 }, { name: `peer${number}`, mac: mac(2), mtu: 1500 });
}

describe("an access interface", () => {
  test("gets its programs when it appears", async (t) => {
    using edge = new Edge({ access: ["ppp*"] });
    const delays: number[] = [];
    for (let number = 0; number < 20; number++) {
      const name = `ppp${number}`;
      veth(name, number);
      const start = performance.now();
      await until(`${name} is in service`, () => edge.events.includes(`attached ${name} access`));
      delays.push(performance.now() - start);
      assert.equal(programsOn(name), 2);
    }
    const sorted = delays.toSorted((a, b) => a - b);
    t.diagnostic(
      `from RTM_NEWLINK to both programs in place: median ${sorted[10]?.toFixed(1)} ms, most ${sorted.at(-1)?.toFixed(1)} ms`,
    );
  });

  test("keeps them when it is renamed within the patterns, loses them beyond", async () => {
    using edge = new Edge({ access: ["ppp*"], zones: { "ppp-red*": "red" } });
    veth("ppp0", 1);
    await edge.told("attached ppp0 access");
    const links = () => queryTcx(ifindexOf("ppp-red0"), "ingress").entries.map(({ linkId }) => linkId);
    const zones = () => [...edge.datapath.object.map("zones").entries()].length;
    const before = queryTcx(ifindexOf("ppp0"), "ingress").entries.map(({ linkId }) => linkId);
    assert.equal(zones(), 0);
    ip("link", "set", "ppp0", "name", "ppp-red0");
    await edge.told("attached ppp-red0 access");
    assert.deepEqual(links(), before);
    assert.equal(zones(), 1);
    ip("link", "set", "ppp-red0", "name", "core7");
    await edge.told("gone ppp-red0");
    assert.equal(programsOn("core7"), 0);
    assert.equal(zones(), 0);
    ip("link", "set", "core7", "name", "ppp7");
    await edge.told("attached ppp7 access");
    assert.equal(programsOn("ppp7"), 2);
    deleteLink(findLink("ppp7") ?? assert.fail());
    await edge.told("gone ppp7");
    assert.deepEqual(edge.datapath.interfaceNames("access"), []);
  });

  test("is found again after a flood of changes", async () => {
    using edge = new Edge({ access: ["ppp*"] });
    veth("ppp0", 0);
    await edge.told("attached ppp0 access");
    // While this runs, nobody takes the events.
    const batch = range(1, 1500).flatMap((n) => [`link add x${n} type veth peer name y${n}`, `link set x${n} up`]);
    const last = [
      "link del ppp0",
      "link add ppp0 type veth peer name other0",
      "link add ppp1 type veth peer name other1",
    ];
    execFileSync("ip", ["-batch", "-"], { input: [...batch, ...last].join("\n") });
    await edge.told("attached ppp1 access");
    assert.deepEqual(edge.datapath.interfaceNames("access"), ["ppp0", "ppp1"]);
    assert.equal(programsOn("ppp0"), 2);
    assert.deepEqual(
      edge.events.filter((line) => line.includes("ppp0")),
      ["attached ppp0 access", "gone ppp0", "attached ppp0 access"],
    );
  });

  test("is mirrored again when it comes again, and nobody else in its place", async () => {
    using edge = new Edge({}, () => accessWire("acc1"));
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached med0 mediation");
    const read = () => copies(med.drain(), DEVICE_MAC);
    assert.throws(
      () => edge.put(ON_ACC0),
      (error: unknown) => error instanceof DatapathError && error.code === "invalid",
    );
    const first = accessWire("acc0");
    await edge.told("attached acc0 access");
    edge.put(ON_ACC0);
    edge.send(first, 10);
    assert.deepEqual(await collect(read, 10), range(0, 10));
    const before = ifindexOf("acc0");
    first[Symbol.dispose]();
    await edge.told("gone acc0");
    assert.equal([...edge.datapath.object.map("links").entries()].length, 0);
    // Changing an intercept whose interface is away is no reason to refuse it.
    edge.put({ ...ON_ACC0, direction: "from" });
    using again = accessWire("acc0");
    await until(
      "acc0 is in service again",
      () => edge.events.filter((line) => line === "attached acc0 access").length === 2,
    );
    assert.notEqual(ifindexOf("acc0"), before);
    edge.send(again, 10);
    assert.deepEqual(await collect(read, 10), range(10, 20));
    assert.deepEqual(await collect(() => edge.originals(), 20), range(0, 20));
    assert.deepEqual(edge.datapath.keys(), ["intercept-1"]);
    assert.equal(edge.datapath.interceptCounters("intercept-1")?.from.packets, 20n);
  });

  test("that is renamed takes its subscriber's intercept with it to nobody, and back", async () => {
    using edge = new Edge({}, () => accessWire("acc0"));
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached med0 mediation");
    const keys = () => [...edge.datapath.object.map("links").entries()].map(([key]) => key.toString("hex"));
    edge.put(ON_ACC0);
    const [key] = keys();
    ip("link", "set", "acc0", "name", "acc7");
    await edge.told("attached acc7 access");
    assert.deepEqual(keys(), []);
    ip("link", "set", "acc7", "name", "acc0");
    await until("acc0 has its name again", () => edge.events.at(-1) === "attached acc0 access");
    assert.deepEqual(keys(), [key]);
    edge.datapath.remove("intercept-1");
    ip("link", "set", "acc0", "name", "acc8");
    ip("link", "set", "acc8", "name", "acc0");
    await delay(100);
    assert.deepEqual(keys(), []);
    void med;
  });

  test("without a link layer is taken into service with its helper", async () => {
    using edge = new Edge({ access: ["tun*"] });
    ip("tuntap", "add", "dev", "tun7", "mode", "tun");
    await edge.told("attached tun7 access");
    assert.ok(findLink("submirror-l3")?.up);
  });
});

describe("a mediation interface", () => {
  test("that vanishes under traffic and comes again: originals are untouched, mirroring resumes, the loss is counted", async () => {
    using edge = new Edge();
    using acc = accessWire("acc0");
    const first = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached med0 mediation");
    await edge.told("attached acc0 access");
    edge.put();
    const originals: number[] = [];
    const mirrored: number[] = [];
    const some = async (wire?: typeof first): Promise<void> => {
      edge.send(acc, 5);
      await delay(2);
      originals.push(...edge.originals());
      if (wire) mirrored.push(...copies(wire.drain(), DEVICE_MAC));
    };
    for (let i = 0; i < 20; i++) await some(first);
    first[Symbol.dispose]();
    for (let i = 0; i < 20; i++) await some();
    using again = mediationWire("med0", DEVICE_MAC);
    await until(
      "med0 is in service again",
      () => edge.events.filter((line) => line === "attached med0 mediation").length === 2,
    );
    for (let i = 0; i < 20; i++) await some(again);
    await delay(50);
    await some(again);
    originals.push(...(await collect(() => edge.originals(), 0)));
    mirrored.push(...(await collect(() => copies(again.drain(), DEVICE_MAC), 0)));
    assert.deepEqual(originals, range(0, edge.sent));
    assert.deepEqual(mirrored.slice(-5), range(edge.sent - 5, edge.sent));
    assert.equal(new Set(mirrored).size, mirrored.length);
    const lost = Object.values(edge.datapath.counters().dropped).reduce((sum, count) => sum + count, 0n);
    assert.ok(lost >= 50n);
    assert.equal(mirrored.length + Number(lost), edge.sent, "to the packet");
  });

  test("that is down while it appears is in service all the same", async () => {
    using edge = new Edge();
    veth("med7", 7);
    await edge.told("attached med7 mediation");
    changeLink(findLink("med7") ?? assert.fail(), { mtu: 1400, up: true });
    await until("the change is seen", () => findLink("med7")?.mtu === 1400);
    assert.equal(programsOn("med7"), 1);
  });
});
