/** IPsec policies on the way to the mediation device: never a copy in clear that a policy covers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, mock, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { NetlinkSocket } from "../../../src/net/netlink/socket.js";
import { ip, sysctl } from "../../bpf/network.js";
import { DEVICE4, NODE4, OTHER_DEVICE4 } from "../../bpf/rig.js";
import { until } from "../../support/poll.js";
import { SimulatedDevice } from "./device.js";
import { accessWire, Edge, mediationWire, range } from "./edge.js";

const MAC = "02:00:5e:20:00:0a";
const ESP = 50;
const TUNNEL = ["tmpl", "proto", "esp", "mode", "transport"] as const;

interface Scene {
  readonly edge: Edge;
  readonly device: SimulatedDevice;
  /** Sends packets and waits until their copies have gone whichever way. */
  readonly send: (count: number) => Promise<void>;
}

async function withScene(act: (scene: Scene) => Promise<void>): Promise<void> {
  using edge = new Edge();
  using acc = accessWire("acc0");
  using med = mediationWire("med0", MAC);
  // Packets that wait for keys are not kept: their loss is told at once.
  sysctl("core/xfrm_larval_drop", "1");
  using device = new SimulatedDevice(med, MAC);
  await edge.told("attached acc0 access");
  await edge.told("attached med0 mediation");
  const send = async (count: number): Promise<void> => {
    const before = edge.sent;
    edge.send(acc, count);
    const originals: number[] = [];
    await until("the originals came through", () => {
      originals.push(...edge.originals());
      return originals.length >= count;
    });
    assert.deepEqual(originals, range(before, before + count));
    await delay(30);
  };
  await act({ edge, device, send });
}

function policy(action: "add" | "delete", destination: string, ...more: readonly string[]): void {
  const selector = ["src", `${NODE4}/32`, "dst", `${destination}/32`, "proto", "udp", "dir", "out"];
  ip("xfrm", "policy", action, ...selector, ...(action === "add" ? more : []));
}

/** False where this kernel was built without ESP, so that no packet can leave that way. */
function addKeys(): boolean {
  const state = ["src", NODE4, "dst", DEVICE4, "proto", "esp", "spi", "0x300", "mode", "transport"];
  const keys = ["enc", "cbc(aes)", `0x${"0b".repeat(16)}`, "auth", "hmac(sha1)", `0x${"0a".repeat(20)}`];
  try {
    execFileSync("ip", ["xfrm", "state", "add", ...state, ...keys], { stdio: ["ignore", "ignore", "pipe"] });
    return true;
  } catch (error) {
    assert.match(String((error as { stderr?: Buffer }).stderr), /Requested type not found/);
    return false;
  }
}

function stackLosses(edge: Edge): number {
  return Number(edge.datapath.counters().dropped["stack"]);
}

describe("an IPsec policy", () => {
  test("that was there first: no copy leaves in clear, each leaves as ESP or is counted", () =>
    withScene(async ({ edge, device, send }) => {
      policy("add", DEVICE4, ...TUNNEL);
      const hasEsp = addKeys();
      edge.put();
      await send(20);
      const protocols = device.packets.map((packet) => packet[9]);
      assert.deepEqual(protocols, hasEsp ? Array(20).fill(ESP) : []);
      assert.equal(stackLosses(edge), hasEsp ? 0 : 20);
      assert.equal(edge.datapath.counters().throughStack, 20n);
    }));

  test("that comes while there is traffic is followed, and its end too", (t) =>
    withScene(async ({ edge, device, send }) => {
      edge.put();
      await send(10);
      assert.deepEqual(device.copies, range(0, 10));
      assert.equal(edge.datapath.counters().throughStack, 0n);
      policy("add", DEVICE4, ...TUNNEL);
      const start = performance.now();
      const underPolicy = () => edge.datapath.object.map("mediation_devices").lookup(Buffer.alloc(4));
      const before = underPolicy();
      await until("the policy is followed", () => !underPolicy()?.equals(before ?? Buffer.alloc(0)));
      t.diagnostic(`followed after ${(performance.now() - start).toFixed(1)} ms`);
      await send(10);
      assert.equal(device.copies.length, 10, "none in clear");
      assert.equal(stackLosses(edge), 10);
      policy("delete", DEVICE4);
      await until("its end is followed", () => underPolicy()?.equals(before ?? Buffer.alloc(0)) === true);
      await send(10);
      assert.deepEqual(device.copies, [...range(0, 10), ...range(20, 30)]);
      assert.equal(edge.datapath.counters().throughStack, 10n);
    }));

  test("that blocks is not got round", () =>
    withScene(async ({ edge, device, send }) => {
      policy("add", DEVICE4, "action", "block");
      edge.put();
      await send(10);
      assert.deepEqual(device.packets, []);
      assert.equal(stackLosses(edge), 10);
    }));

  test("by default to block is not got round either", () =>
    withScene(async ({ edge, device, send }) => {
      ip("xfrm", "policy", "add", "src", "100.64.0.0/10", "dst", "192.0.2.0/24", "dir", "out");
      ip("xfrm", "policy", "setdefault", "out", "block");
      edge.put();
      await send(10);
      assert.deepEqual(device.packets, []);
      assert.equal(stackLosses(edge), 10);
    }));

  test("for another address leaves copies on their straight way", () =>
    withScene(async ({ edge, device, send }) => {
      policy("add", OTHER_DEVICE4, ...TUNNEL);
      edge.put();
      await send(10);
      assert.deepEqual(device.copies, range(0, 10));
      assert.equal(edge.datapath.counters().throughStack, 0n);
    }));

  test("is looked for anew where something has changed, and not by each device that comes into use", () =>
    withScene(async ({ edge }) => {
      const dumps = mock.method(NetlinkSocket.prototype, "dump");
      try {
        edge.put();
        assert.equal(dumps.mock.callCount(), 0);
        policy("add", OTHER_DEVICE4, ...TUNNEL);
        edge.put({ key: "another", mediation: { address: OTHER_DEVICE4, port: 30_030 } });
        assert.equal(dumps.mock.callCount(), 1);
        await until("the event is taken", () => dumps.mock.callCount() === 2);
      } finally {
        dumps.mock.restore();
      }
    }));
});
