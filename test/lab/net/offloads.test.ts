/** Which offloads hide VLAN tags, held against ethtool, and that a change of theirs is told of. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { beforeEach, describe, test } from "node:test";
import { tagStripping } from "../../../src/net/ethtool.js";
import { LinkMonitor } from "../../../src/net/link-monitor.js";
import { enterPrivateNetwork, ipBatch } from "../../bpf/network.js";
import { until } from "../../support/poll.js";

function ethtool(...args: readonly string[]): string {
  return execFileSync("ethtool", args, { encoding: "utf8" });
}

const LINES = { rxvlan: "rx-vlan-offload: on", "rx-vlan-stag-hw-parse": "rx-vlan-stag-hw-parse: on" } as const;

function asEthtoolHasIt(name: string): string[] {
  const said = ethtool("-k", name);
  return Object.entries(LINES).flatMap(([option, line]) => (said.includes(line) ? [option] : []));
}

beforeEach(() => {
  enterPrivateNetwork();
  ipBatch([
    ["link", "add", "pair0", "type", "veth", "peer", "name", "pair1"],
    ["link", "add", "bridge0", "type", "bridge"],
    ["tuntap", "add", "tap0", "mode", "tap"],
    ["link", "add", "mac0", "link", "pair0", "type", "macvlan"],
  ]);
});

describe("offloads that take tags off", () => {
  test("are what ethtool says", () => {
    for (const name of ["lo", "pair0", "bridge0", "tap0", "mac0"])
      assert.deepEqual(tagStripping(name), asEthtoolHasIt(name), name);
    assert.deepEqual(tagStripping("pair0"), ["rxvlan", "rx-vlan-stag-hw-parse"]);
    ethtool("-K", "pair0", "rxvlan", "off");
    assert.deepEqual(tagStripping("pair0"), ["rx-vlan-stag-hw-parse"]);
    ethtool("-K", "pair0", "rx-vlan-stag-hw-parse", "off");
    assert.deepEqual(tagStripping("pair0"), []);
  });

  test("of an interface that is not there are not known", () => {
    assert.equal(tagStripping("nobody0"), undefined);
  });

  test("when they are switched, the kernel tells of the interface", async () => {
    const told: string[] = [];
    using monitor = new LinkMonitor({ changed() {}, gone() {}, told: ({ name }) => told.push(name) });
    monitor.start();
    ethtool("-K", "pair0", "rxvlan", "off");
    await until("an event", () => told.includes("pair0"));
  });
});
