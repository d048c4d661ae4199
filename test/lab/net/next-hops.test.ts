/** Next hops whose other end is a kernel of its own, IPv4 and IPv6. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type MediationPeer, NextHops } from "../../../src/datapath/next-hops.js";
import { type IpAddress, parseAddress } from "../../../src/net/addresses.js";
import { createVethPair, findLink, type NetworkLink } from "../../../src/net/links.js";
import { NextHopQueries } from "../../../src/net/next-hop.js";
import { enterPrivateNetwork, ip, sysctl } from "../../bpf/network.js";
import { until } from "../../support/poll.js";
import { Lab } from "../parts/lab.js";
import type { Namespace } from "../parts/namespace.js";

const [FIRST_MAC, SECOND_MAC] = ["02:00:5e:20:00:0a", "02:00:5e:20:00:0b"];

function address(text: string): IpAddress {
  return parseAddress(text) ?? assert.fail(text);
}

const PEERS: readonly MediationPeer[] = [
  { source: address("198.51.100.1"), destination: address("198.51.100.9") },
  { source: address("2001:db8:9::1"), destination: address("2001:db8:9::9") },
];

/** A neighbour in a namespace of its own behind med0; the way in of the stack is the interface `in0`. */
async function neighbourhood(lab: Lab): Promise<{ peer: Namespace; med: NetworkLink; input: number }> {
  enterPrivateNetwork();
  const peer = await lab.namespace("device");
  ip("link", "add", "med0", "type", "veth", "peer", "name", "eth0", "address", FIRST_MAC ?? "", "netns", peer.name);
  createVethPair(
    { name: "out0", mac: Buffer.from("02005e200001", "hex"), mtu: 1500 },
    { name: "in0", mac: Buffer.from("02005e200002", "hex"), mtu: 1500 },
  );
  sysctl("ipv4/conf/in0/forwarding", "1");
  sysctl("ipv4/conf/in0/accept_local", "1");
  sysctl("ipv6/conf/all/forwarding", "1");
  for (const name of ["all", "in0"]) sysctl(`ipv4/conf/${name}/rp_filter`, "0");
  for (const name of ["med0", "out0", "in0"]) ip("link", "set", name, "up");
  ip("address", "add", "198.51.100.1/24", "dev", "med0");
  ip("address", "add", "2001:db8:9::1/64", "dev", "med0", "nodad");
  await peer.ip(
    "link set eth0 up",
    "address add 198.51.100.9/24 dev eth0",
    "address add 2001:db8:9::9/64 dev eth0 nodad",
  );
  const [med, input] = [findLink("med0"), findLink("in0")];
  assert.ok(med && input);
  return { peer, med, input: input.ifindex };
}

describe("next hops", () => {
  test("are found, stay known without traffic, and are found again under another address", async (t) => {
    await using lab = new Lab();
    const { peer, med, input } = await neighbourhood(lab);
    using queries = new NextHopQueries();
    const states = () => PEERS.map(({ destination }) => queries.neighbour(destination, med.ifindex));
    const allAt = (mac: string | undefined) => () =>
      states().every((it) => it?.state === "reachable" && it.mac?.toString("hex") === mac?.replaceAll(":", ""));
    const narrow: string[] = [];
    const hops = new NextHops(
      { input, peers: () => PEERS },
      { narrowPath: (mtu, needed) => narrow.push(`${mtu} ${needed}`) },
    );
    hops.start();
    try {
      await until("both are known", allAt(FIRST_MAC));
      assert.deepEqual(narrow, ["1500 1536", "1500 1556"]);
      const asked = async () =>
        Number((await peer.run(["awk", "/Icmp6InNeighborSolicits/ {print $2}", "/proc/net/snmp6"])).stdout);
      const before = await asked();
      await until("the neighbour is asked again, at its own address", async () => (await asked()) > before + 1);
      assert.ok(allAt(FIRST_MAC)());
      await peer.ip(`link set eth0 address ${SECOND_MAC}`);
      const start = performance.now();
      await until("both are known again", allAt(SECOND_MAC));
      t.diagnostic(`both were known under their new address after ${Math.round(performance.now() - start)} ms`);
      await peer.ip("link set eth0 down");
      await until("they are known to be away", () =>
        states().every((it) => it?.state === "failed" || it?.state === "incomplete"),
      );
      await peer.ip("link set eth0 up", "address add 2001:db8:9::9/64 dev eth0 nodad");
      await until("both are known once more", allAt(SECOND_MAC));
      assert.deepEqual(
        hops.paths().map(({ interface: name, mtu, needed }) => [name, mtu, needed]),
        [
          ["med0", 1500, 1536],
          ["med0", 1500, 1556],
        ],
      );
    } finally {
      hops.stop();
    }
  });

  test("that routes lead to are kept known, not the destination", async () => {
    await using lab = new Lab();
    const { med, input } = await neighbourhood(lab);
    ip("route", "add", "203.0.113.0/24", "via", "198.51.100.9");
    const away = { source: address("198.51.100.1"), destination: address("203.0.113.9") };
    const nowhere = { source: address("198.51.100.1"), destination: address("192.0.2.9") };
    using queries = new NextHopQueries();
    const hops = new NextHops({ input, peers: () => [away, nowhere] }, { narrowPath: () => {} });
    try {
      hops.round();
      await until(
        "the router is known",
        () => queries.neighbour(address("198.51.100.9"), med.ifindex)?.state === "reachable",
      );
      assert.equal(queries.neighbour(away.destination, med.ifindex), undefined);
      assert.deepEqual(hops.paths()[1], { needed: 1536, neighbour: "unreachable" });
    } finally {
      hops.stop();
    }
  });
});
