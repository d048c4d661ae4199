/** Other agents' programs on the same interfaces. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BpfObject, BpfProgram, type Direction, type LoadedObject, queryTcx } from "libbpf-ts";
import { KernelDatapath } from "../../../src/datapath/kernel.js";
import { ifindexOf, ip } from "../../bpf/network.js";
import { DEVICE_MAC } from "../../bpf/rig.js";
import { until } from "../../support/poll.js";
import { accessWire, collect, copies, Edge, mediationWire, range } from "./edge.js";
import { Traffic } from "./traffic.js";

function otherAgent(): LoadedObject {
  execFileSync("make", ["-s", "-C", "test/bpf"], { stdio: ["ignore", "ignore", "inherit"] });
  return BpfObject.open("build/test-bpf/other.o").load();
}

function order(name: string, direction: Direction): string[] {
  return queryTcx(ifindexOf(name), direction).entries.map(({ progId }) => {
    using program = BpfProgram.openById(progId);
    return program.name;
  });
}

/** As the kernel has names. */
const [ACCESS_INGRESS, ACCESS_EGRESS, MEDIATION_EGRESS] = ["access_ingress", "access_egress", "mediation_egres"];

describe("tcx", () => {
  test("ours go first, before what is there already; copies are known before they could match", async () => {
    using other = otherAgent();
    using edge = new Edge({ access: ["acc*"], mediationInterfaces: ["acc*"] });
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access+mediation");
    other.program("ends_chain").attachTcx({ ifindex: ifindexOf("acc0"), direction: "egress" });
    assert.deepEqual(order("acc0", "egress"), [MEDIATION_EGRESS, ACCESS_EGRESS, "ends_chain"]);
    ip("link", "set", "acc0", "name", "else0");
    await edge.told("gone acc0");
    assert.deepEqual(order("else0", "egress"), ["ends_chain"]);
    ip("link", "set", "else0", "name", "acc0");
    await until("acc0 is in service again", () => edge.events.length === 3);
    assert.deepEqual(order("acc0", "egress"), [MEDIATION_EGRESS, ACCESS_EGRESS, "ends_chain"]);
  });

  test("a program that comes to run before ours is told of, and overtaken in turn, without a packet lost", async () => {
    using other = otherAgent();
    using edge = new Edge();
    using acc = accessWire("acc0");
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached acc0 access");
    await edge.told("attached med0 mediation");
    edge.put();
    const read = () => copies(med.drain(), DEVICE_MAC);
    edge.send(acc, 10);
    assert.deepEqual(await collect(read, 10), range(0, 10));
    const place = { ifindex: ifindexOf("acc0"), direction: "ingress", place: "first" } as const;
    using link = other.program("ends_chain").attachTcx(place);
    void link;
    edge.send(acc, 1);
    assert.deepEqual(await collect(read, 0), [], "what ends the chain ahead of ours keeps packets from the mirror");
    await edge.told("overtaken acc0 ingress ends_chain regained");
    assert.deepEqual(order("acc0", "ingress"), [ACCESS_INGRESS, "ends_chain"]);
    edge.send(acc, 10);
    assert.deepEqual(await collect(read, 10), range(11, 21));
    assert.deepEqual(await collect(() => edge.originals(), 21), range(0, 21));
  });

  test("moving to the head costs next to no packet, whatever the kernel waits for meanwhile", async (t) => {
    using edge = new Edge();
    using acc = accessWire("acc0");
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached acc0 access");
    await edge.told("attached med0 mediation");
    edge.put();
    const traffic = new Traffic(acc, 2000);
    const originals: number[] = [];
    const mirrored: number[] = [];
    const take = (): void => {
      originals.push(...edge.originals());
      mirrored.push(...copies(med.drain(), DEVICE_MAC));
    };
    await until("there is traffic", () => {
      take();
      return mirrored.length > 200;
    });
    // One that lets packets go on, so that whatever is missing was lost by the move.
    using other = BpfObject.open("build/bpf/tc.o").load();
    const place = { ifindex: ifindexOf("acc0"), direction: "ingress", place: "first" } as const;
    using link = other.program("stand_in_first").attachTcx(place);
    void link;
    await until("ours are first again", () => {
      take();
      return edge.events.includes("overtaken acc0 ingress stand_in_first regained");
    });
    const sent = await traffic.stop();
    await until("all packets came through", () => {
      take();
      return originals.length >= sent;
    });
    assert.deepEqual(originals, range(0, sent));
    t.diagnostic(`${sent} packets at 2000 a second, ${sent - mirrored.length} of them not mirrored`);
    assert.ok(sent - mirrored.length <= 5, `${sent - mirrored.length} packets were not mirrored: more than 2.5 ms`);
  });

  test("two that both want to be first do not fight for ever", async () => {
    using other = otherAgent();
    using edge = new Edge();
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access");
    const place = { ifindex: ifindexOf("acc0"), direction: "ingress", place: "first" } as const;
    for (let round = 1; round <= 3; round++) {
      const link = other.program("ends_chain").attachTcx(place);
      await until(
        "ours are first again",
        () => edge.events.filter((line) => line.endsWith("regained")).length === round,
      );
      link.detach();
    }
    using last = other.program("ends_chain").attachTcx(place);
    void last;
    await edge.told("overtaken acc0 ingress ends_chain behind");
    const told = edge.events.length;
    edge.datapath.followInterfaces();
    await delay(2500);
    assert.equal(edge.events.length, told, "told once");
    assert.deepEqual(order("acc0", "ingress"), ["ends_chain", ACCESS_INGRESS]);
    using another = other.program("ends_chain_too").attachTcx(place);
    void another;
    await edge.told("overtaken acc0 ingress ends_chain_too+ends_chain behind");
  });

  test("ours stay behind where the configuration says so", async () => {
    using other = otherAgent();
    using edge = new Edge({ attach: { keepFirst: false } });
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access");
    using link = other.program("ends_chain").attachTcx({
      ifindex: ifindexOf("acc0"),
      direction: "ingress",
      place: "first",
    });
    void link;
    await edge.told("overtaken acc0 ingress ends_chain behind");
    assert.deepEqual(order("acc0", "ingress"), ["ends_chain", ACCESS_INGRESS]);
  });

  test("a program that was taken off is put on again", async () => {
    using edge = new Edge();
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access");
    const [entry] = queryTcx(ifindexOf("acc0"), "egress").entries;
    execFileSync("bpftool", ["link", "detach", "id", `${entry?.linkId}`]);
    assert.deepEqual(order("acc0", "egress"), []);
    await until("it is there again", () => order("acc0", "egress").includes(ACCESS_EGRESS));
    assert.deepEqual(edge.events, ["attached acc0 access", "gone acc0", "attached acc0 access"]);
  });
});

describe("clsact", () => {
  test("mirrors, in both directions, and leaves nothing when it ends", async () => {
    const edge = new Edge({ attach: { mode: "clsact" } });
    using acc = accessWire("acc0");
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached acc0 access");
    await edge.told("attached med0 mediation");
    edge.put();
    edge.send(acc, 10);
    assert.deepEqual(await collect(() => copies(med.drain(), DEVICE_MAC), 10), range(0, 10));
    assert.deepEqual(await collect(() => edge.originals(), 10), range(0, 10));
    assert.deepEqual(order("acc0", "ingress"), []);
    edge[Symbol.dispose]();
    for (const direction of ["ingress", "egress"]) assert.equal(filters("acc0", direction), "");
  });

  test("a filter that outlived its agent is replaced and not doubled", async () => {
    using edge = new Edge({ attach: { mode: "clsact" } });
    using acc = accessWire("acc0");
    using med = mediationWire("med0", DEVICE_MAC);
    await edge.told("attached acc0 access");
    const before = filters("acc0", "ingress");
    ip("link", "set", "acc0", "name", "else0");
    await edge.told("gone acc0");
    using stale = BpfObject.open("build/bpf/tc.o").load();
    const place = { ifindex: ifindexOf("else0"), direction: "ingress", priority: 2, handle: 0x73756201 } as const;
    stale.program("access_ingress").attachClsact(place);
    ip("link", "set", "else0", "name", "acc0");
    await until(
      "acc0 is in service again",
      () => edge.events.filter((line) => line === "attached acc0 access").length === 2,
    );
    assert.equal(filters("acc0", "ingress").split("\n").length, before.split("\n").length);
    edge.put();
    edge.send(acc, 5);
    assert.deepEqual(await collect(() => copies(med.drain(), DEVICE_MAC), 5), range(0, 5));
  });

  test("an interface where another's tcx would run first is refused, with what to do", async () => {
    using other = otherAgent();
    using edge = new Edge({ attach: { mode: "clsact" }, access: ["acc*"] }, () => {});
    using elsewhere = accessWire("else0");
    void elsewhere;
    const link = other.program("ends_chain").attachTcx({ ifindex: ifindexOf("else0"), direction: "egress" });
    ip("link", "set", "else0", "name", "acc0");
    await until("acc0 is refused", () => edge.events.some((line) => line.startsWith("failed acc0")));
    assert.deepEqual(edge.events, [
      "failed acc0: tcx programs (ends_chain) are attached to the egress of acc0; tcx runs before clsact, which datapath.attach asks for, and may end a packet's way before it is seen: set datapath.attach to auto, or take those programs off acc0.",
    ]);
    assert.equal(filters("acc0", "ingress"), "", "none of the two hooks is left half done");
    edge.datapath.followInterfaces();
    assert.equal(edge.events.length, 1, "told once");
    link.detach();
    edge.datapath.followInterfaces();
    await edge.told("attached acc0 access");
  });

  test("a tcx program that comes later is told of: it cannot be overtaken", async () => {
    using other = otherAgent();
    using edge = new Edge({ attach: { mode: "clsact" } });
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access");
    using link = other.program("ends_chain").attachTcx({ ifindex: ifindexOf("acc0"), direction: "ingress" });
    void link;
    await edge.told("overtaken acc0 ingress ends_chain behind");
  });

  test("what outlived its agent is taken out with all the rest", async () => {
    using other = otherAgent();
    using edge = new Edge({ attach: { mode: "clsact" } });
    using acc = accessWire("acc0");
    await edge.told("attached acc0 access");
    void acc;
    other.program("ends_chain").attachClsact({ ifindex: ifindexOf("acc0"), direction: "ingress", priority: 1 });
    KernelDatapath.uninstall("/nowhere");
    assert.equal(filters("acc0", "egress"), "");
    assert.match(filters("acc0", "ingress"), /ends_chain/);
    assert.doesNotMatch(filters("acc0", "ingress"), /access_ingress/);
  });

  test("a filter that was taken off is put on again", async () => {
    using edge = new Edge({ attach: { mode: "clsact" } });
    using acc = accessWire("acc0");
    void acc;
    await edge.told("attached acc0 access");
    execFileSync("tc", ["qdisc", "del", "dev", "acc0", "clsact"]);
    await until("it is there again", () => filters("acc0", "egress").includes(ACCESS_EGRESS));
  });
});

function filters(name: string, direction: string): string {
  return execFileSync("tc", ["filter", "show", "dev", name, direction], { encoding: "utf8" }).trim();
}
