/** The way to the mediation device changes while there is traffic. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ip, Wire } from "../../bpf/network.js";
import { DEVICE4 } from "../../bpf/rig.js";
import { until } from "../../support/poll.js";
import { SimulatedDevice } from "./device.js";
import { accessWire, Edge, mediationWire, range } from "./edge.js";

const FIRST_MAC = "02:00:5e:20:00:0a";
const SECOND_MAC = "02:00:5e:20:00:0b";

function totals(edge: Edge) {
  const { from, dropped, throughStack, fragmented } = edge.datapath.counters();
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0n);
  return {
    mirrored: Number(from.packets),
    lost: Number(lost),
    noNeighbour: Number(dropped["no_neighbour"]),
    inStack: Number(dropped["stack"]),
    throughStack: Number(throughStack),
    fragmented: Number(fragmented),
  };
}

/** Sends for `ms` milliseconds, three packets in two, and checks that each original came through. */
async function traffic(edge: Edge, wire: Wire, ms: number): Promise<void> {
  const first = edge.sent;
  const end = performance.now() + ms;
  const originals: number[] = [];
  while (performance.now() < end) {
    edge.send(wire, 3);
    originals.push(...edge.originals());
    await delay(2);
  }
  await delay(10);
  originals.push(...edge.originals());
  assert.deepEqual(originals, range(first, edge.sent), "originals are untouched");
}

interface Scene {
  readonly edge: Edge;
  readonly acc: Wire;
  readonly med: Wire;
  readonly device: SimulatedDevice;
}

async function withScene(act: (scene: Scene) => Promise<void>): Promise<void> {
  using edge = new Edge();
  using acc = accessWire("acc0");
  using med = mediationWire("med0");
  using device = new SimulatedDevice(med, FIRST_MAC);
  await edge.told("attached acc0 access");
  await edge.told("attached med0 mediation");
  edge.put();
  await act({ edge, acc, med, device });
}

/** Every CPU has asked for the route again, and 60 packets more are mirrored. */
async function settled(edge: Edge, acc: Wire, device: SimulatedDevice): Promise<void> {
  await delay(100);
  edge.send(acc, 60);
  const last = edge.sent - 1;
  await until("the last copy came", () => device.copies.at(-1) === last);
}

describe("the next hop", () => {
  test("is asked for when the intercept starts, so that the first copy goes straight", () =>
    withScene(async ({ edge, acc, device }) => {
      await until("the device was asked for", () => device.requests.length > 0);
      await delay(20);
      edge.send(acc);
      await until("the copy came", () => device.copies.length === 1);
      assert.equal(totals(edge).throughStack, 0);
      await until("it is known", () => edge.datapath.mediationPaths()[0]?.neighbour === "reachable");
      const path = { interface: "med0", mtu: 1600, needed: 1536, neighbour: "reachable" };
      assert.deepEqual(edge.datapath.mediationPaths(), [path]);
    }));

  test("stays known without traffic: it is asked again and again, at its own address", () =>
    withScene(async ({ edge, device }) => {
      await until("it was asked again", () => device.requests.filter(({ toEverybody }) => !toEverybody).length >= 2);
      assert.equal(device.requests.filter(({ toEverybody }) => toEverybody).length, 1);
      const [path] = edge.datapath.mediationPaths();
      assert.ok(["reachable", "probe"].includes(path?.neighbour ?? ""), path?.neighbour);
    }));

  test("that is permanent is left alone", () =>
    withScene(async ({ edge, device }) => {
      ip("neighbour", "replace", DEVICE4, "lladdr", FIRST_MAC, "dev", "med0", "nud", "permanent");
      await delay(50);
      const before = device.requests.length;
      await until("it was looked at", () => edge.datapath.mediationPaths()[0]?.neighbour === "permanent");
      await delay(4000);
      assert.equal(device.requests.length, before);
      assert.match(ip("neighbour", "show", DEVICE4), /PERMANENT/);
    }));

  test("that changes its MAC address without a word: copies follow within 5 seconds", (t) =>
    withScene(async ({ edge, acc, device }) => {
      await traffic(edge, acc, 300);
      assert.equal(device.copies.length, edge.sent);
      const before = edge.sent;
      device.mac = SECOND_MAC;
      const start = performance.now();
      while (device.copies.length <= before) {
        assert.ok(performance.now() - start < 8000, "copies did not follow");
        await traffic(edge, acc, 50);
      }
      const took = performance.now() - start;
      await traffic(edge, acc, 300);
      await delay(50);
      t.diagnostic(`copies followed after ${Math.round(took)} ms`);
      assert.ok(took < 6000);
      assert.deepEqual(device.copies.slice(-50), range(edge.sent - 50, edge.sent));
      // What went to the old address left this node: it is not lost here.
      assert.equal(device.copies.length + device.strays + totals(edge).lost, edge.sent);
    }));
});

describe("a mediation device that vanishes and returns", () => {
  test("originals are untouched, mirroring resumes by itself, every lost copy is counted", (t) =>
    withScene(async ({ edge, acc, device }) => {
      await traffic(edge, acc, 300);
      assert.equal(device.copies.length, edge.sent);
      device.answers = false;
      ip("neighbour", "flush", "dev", "med0");
      await traffic(edge, acc, 9000);
      const away = totals(edge);
      // How many depends on when the kernel gives the neighbour up; each is counted below, to the packet.
      assert.ok(away.noNeighbour > 0, "some copies were not even tried");
      device.answers = true;
      const before = device.copies.length;
      const start = performance.now();
      while (device.copies.length === before) {
        assert.ok(performance.now() - start < 10_000, "mirroring did not resume");
        await traffic(edge, acc, 50);
      }
      const resumed = performance.now() - start;
      await traffic(edge, acc, 500);
      await settled(edge, acc, device);
      const end = totals(edge);
      t.diagnostic(
        `${edge.sent} packets, ${device.copies.length} copies came, ${end.noNeighbour} had no neighbour, ${end.inStack} were dropped by the stack; resumed after ${Math.round(resumed)} ms`,
      );
      assert.deepEqual(device.copies.slice(-50), range(edge.sent - 50, edge.sent));
      assert.equal(device.strays, 0);
      assert.equal(new Set(device.copies).size, device.copies.length);
      assert.equal(device.copies.length + end.lost, edge.sent, "to the packet");
      assert.equal(end.lost, end.noNeighbour + end.inStack);
      assert.equal(end.mirrored - end.inStack, device.copies.length);
      const own = edge.datapath.interceptCounters("intercept-1");
      assert.equal(Number(own?.dropped), end.lost, "on the intercept's own account");
    }));

  test("copies of a device that nobody knows of yet wait for its answer", () =>
    withScene(async ({ edge, acc, device }) => {
      device.answers = false;
      ip("neighbour", "flush", "dev", "med0");
      edge.send(acc, 20);
      await delay(300);
      device.answers = true;
      await until("the copies came", () => device.copies.length === 20);
      assert.deepEqual(device.copies, range(0, 20));
      assert.equal(totals(edge).lost, 0);
    }));
});

describe("the route", () => {
  test("to another interface: copies follow within 20 ms", (t) =>
    withScene(async ({ edge, acc, device }) => {
      using other = new Wire("med1", { mac: "02:00:5e:20:00:02", mtu: 1600 });
      ip("address", "add", "203.0.113.1/24", "dev", "med1");
      ip("neighbour", "replace", "203.0.113.9", "lladdr", SECOND_MAC, "dev", "med1", "nud", "permanent");
      using second = new SimulatedDevice(other, SECOND_MAC);
      await edge.told("attached med1 mediation");
      await traffic(edge, acc, 300);
      ip("route", "add", `${DEVICE4}/32`, "via", "203.0.113.9", "dev", "med1");
      const changedAt = edge.sent;
      const start = performance.now();
      let followed = Number.POSITIVE_INFINITY;
      while (performance.now() - start < 500) {
        edge.send(acc);
        await delay(1);
        second.pump();
        if (second.copies.length > 0) followed = Math.min(followed, performance.now() - start);
      }
      await delay(20);
      t.diagnostic(`the first copy on the new way came after ${followed.toFixed(1)} ms`);
      const late = second.copies[0] ?? Number.POSITIVE_INFINITY;
      assert.deepEqual([...device.copies, ...second.copies], range(0, edge.sent));
      assert.ok(late - changedAt <= 25, `${late - changedAt} copies went the old way, one a millisecond`);
      assert.equal(totals(edge).lost, 0);
    }));

  test("that is gone: the loss is counted; that comes again: mirroring resumes", () =>
    withScene(async ({ edge, acc, device }) => {
      await traffic(edge, acc, 200);
      ip("address", "del", "198.51.100.1/24", "dev", "med0");
      await traffic(edge, acc, 300);
      ip("address", "add", "198.51.100.1/24", "dev", "med0");
      const before = device.copies.length;
      await until("mirroring resumed", () => {
        edge.send(acc);
        return device.copies.length > before;
      });
      await settled(edge, acc, device);
      const end = totals(edge);
      assert.ok(end.inStack > 50);
      assert.equal(device.copies.length + end.lost, edge.sent);
      assert.deepEqual(device.copies.slice(-50), range(edge.sent - 50, edge.sent));
    }));
});

describe("the path's MTU", () => {
  test("below a copy's size: copies leave in fragments, which is counted, and told of; and whole again when it grows", () =>
    withScene(async ({ edge, acc, device }) => {
      const large = async (count: number): Promise<void> => {
        const before = device.copies.length;
        edge.send(acc, count, 1472);
        await until("all copies came", () => device.copies.length === before + count);
      };
      edge.send(acc);
      await until("the device is known", () => device.copies.length === 1);
      await large(20);
      assert.equal(totals(edge).fragmented, 0);
      ip("link", "set", "med0", "mtu", "1500");
      await delay(20);
      await large(20);
      assert.equal(totals(edge).fragmented, 20);
      await edge.told("narrow 1500 for 1536");
      ip("link", "set", "med0", "mtu", "1600");
      await delay(20);
      await large(20);
      assert.equal(totals(edge).fragmented, 20);
      assert.equal(totals(edge).lost, 0);
      assert.deepEqual(device.copies, range(0, 61));
      assert.equal(edge.events.filter((line) => line.startsWith("narrow")).length, 1);
    }));

  test("of a route: it is the path's", () =>
    withScene(async ({ edge, acc, device }) => {
      ip("route", "add", `${DEVICE4}/32`, "dev", "med0", "mtu", "lock", "1400");
      await edge.told("narrow 1400 for 1536");
      await delay(20);
      edge.send(acc, 5, 1472);
      await until("all copies came", () => device.copies.length === 5);
      assert.equal(totals(edge).fragmented, 5);
      assert.equal(device.packets.length, 10);
    }));
});
