/** What is read and changed over netlink, held against iproute2. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { beforeEach, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress } from "../../../src/net/addresses.js";
import { LinkMonitor } from "../../../src/net/link-monitor.js";
import {
  changeLink,
  createVethPair,
  deleteLink,
  ensureLinkAddress,
  findLink,
  interfaceAddresses,
  type NetworkLink,
  networkLinks,
} from "../../../src/net/links.js";
import { NetlinkError } from "../../../src/net/netlink/errors.js";
import { NetlinkEvents } from "../../../src/net/netlink/events.js";
import { GROUP, PROTOCOL } from "../../../src/net/netlink/uapi.js";
import { createPersistentTun } from "../../../src/net/tun.js";
import { enterPrivateNetwork, ip, ipBatch } from "../../bpf/network.js";
import { until } from "../../support/poll.js";
import { range } from "./edge.js";

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_type: string;
  readonly address?: string;
  readonly mtu: number;
  readonly qdisc: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly gso_max_segs: number;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_slave_kind?: string };
}

function ipLinks(): IpLink[] {
  const options = { encoding: "utf8", maxBuffer: 1024 ** 3 } as const;
  return JSON.parse(execFileSync("ip", ["-json", "-details", "link", "show"], options)) as IpLink[];
}

/** The same, by iproute2. */
function asIpHasIt(): Omit<NetworkLink, "lower">[] {
  const links = ipLinks();
  return links.map(({ ifindex, ifname, link_type, address, mtu, qdisc, flags, master, linkinfo }) => {
    const hasLinkLayer = ["ether", "loopback"].includes(link_type);
    const masterIndex = links.find((link) => link.ifname === master)?.ifindex;
    return {
      ifindex,
      name: ifname,
      hasLinkLayer,
      mtu,
      up: flags.includes("UP"),
      ...(hasLinkLayer && address && { mac: address }),
      qdisc,
      ...(linkinfo?.info_kind && { kind: linkinfo.info_kind }),
      ...(masterIndex !== undefined && { master: masterIndex }),
      ...(linkinfo?.info_slave_kind && { masterKind: linkinfo.info_slave_kind }),
    };
  });
}

function withoutLower(links: Iterable<NetworkLink>): Omit<NetworkLink, "lower">[] {
  return [...links].map(({ lower: _, ...link }) => link).toSorted((a, b) => a.ifindex - b.ifindex);
}

const mac = (end: number): Buffer => Buffer.from([2, 0, 0x5e, 0, 0, end]);

function refused(code: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof NetlinkError && error.code === code && error.message.startsWith("The kernel refused: ");
}

beforeEach(() => enterPrivateNetwork());

describe("interfaces", () => {
  test("are what iproute2 says, of whatever kind", () => {
    ipBatch([
      ["link", "add", "v0", "type", "veth", "peer", "name", "v1"],
      ["link", "add", "br0", "type", "bridge"],
      ["link", "set", "v0", "master", "br0"],
      ["link", "set", "v0", "mtu", "1400", "up"],
      ["link", "add", "mac0", "link", "v1", "type", "macvlan"],
      ["link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789", "local", "192.0.2.1", "dev", "v1"],
      ["tuntap", "add", "dev", "tun7", "mode", "tun"],
      ["tuntap", "add", "dev", "tap7", "mode", "tap"],
    ]);
    assert.deepEqual(withoutLower(networkLinks()), asIpHasIt());
    assert.equal(findLink("mac0")?.lower, findLink("v1")?.ifindex);
    for (const link of networkLinks()) assert.deepEqual(findLink(link.name), link);
    assert.equal(findLink("none"), undefined);
  });

  test("are all there where there are 10,000, and one change is one change", async (t) => {
    ipBatch(range(0, 5000).map((n) => ["link", "add", `p${n}a`, "type", "veth", "peer", "name", `p${n}b`]));
    const start = performance.now();
    const links = networkLinks();
    t.diagnostic(`${links.length} interfaces in ${(performance.now() - start).toFixed(0)} ms`);
    assert.equal(links.length, 10_001);
    assert.deepEqual(withoutLower(links), asIpHasIt());
    const told: string[] = [];
    using monitor = new LinkMonitor({
      changed: ({ name, mtu }, before) => before && told.push(`${name} ${mtu}`),
      gone: ({ name }) => told.push(`${name} gone`),
    });
    monitor.start();
    ip("link", "set", "p7a", "mtu", "1400");
    ip("link", "del", "p9a");
    await until("three changes are told", () => told.length === 3);
    assert.deepEqual(told.slice(0, 1), ["p7a 1400"]);
    assert.deepEqual(told.slice(1).toSorted(), ["p9a gone", "p9b gone"]);
  });

  test("are made, set up and removed", () => {
    const [out, back] = [
      { name: "one", mac: mac(1), mtu: 65_535, gsoMaxSegments: 1 },
      { name: "two", mac: mac(2), mtu: 9000 },
    ];
    createVethPair(out, back);
    const [one, two] = ["one", "two"].map((name) => ipLinks().find(({ ifname }) => ifname === name));
    assert.deepEqual(
      [one?.address, one?.mtu, one?.gso_max_segs, one?.linkinfo?.info_kind, two?.address, two?.mtu],
      ["02:00:5e:00:00:01", 65_535, 1, "veth", "02:00:5e:00:00:02", 9000],
    );
    assert.throws(() => createVethPair(out, back), refused("EEXIST"));
    const link = findLink("one") ?? assert.fail();
    changeLink(link, { mtu: 1400, up: true });
    assert.deepEqual([findLink("one")?.mtu, findLink("one")?.up], [1400, true]);
    assert.throws(() => changeLink(link, { mtu: 1 }), refused("EINVAL"));
    deleteLink(link);
    assert.equal(findLink("two"), undefined);
    assert.throws(() => deleteLink(link), refused("ENODEV"));
  });

  test("without a link layer are made, and stay", () => {
    createPersistentTun("tun9");
    createPersistentTun("tun9");
    assert.deepEqual([findLink("tun9")?.kind, findLink("tun9")?.hasLinkLayer], ["tun", false]);
  });

  test("have the addresses that iproute2 says", () => {
    ip("link", "add", "v0", "type", "veth", "peer", "name", "v1");
    ip("address", "add", "192.0.2.1/24", "dev", "v0");
    ip("address", "add", "198.51.100.1", "peer", "198.51.100.2", "dev", "v0");
    ip("address", "add", "2001:db8::1/64", "dev", "v0", "nodad");
    const ifindex = findLink("v0")?.ifindex ?? assert.fail();
    for (let twice = 0; twice < 2; twice++)
      ensureLinkAddress({ family: 4, bytes: Buffer.from([169, 254, 115, 98]), prefixLength: 32, ifindex });
    const own = interfaceAddresses().filter((address) => address.ifindex === ifindex);
    assert.deepEqual(own.map((address) => `${formatAddress(address)}/${address.prefixLength}`).toSorted(), [
      "169.254.115.98/32",
      "192.0.2.1/24",
      "198.51.100.1/32",
      "2001:db8::1/64",
    ]);
  });
});

describe("following interfaces", () => {
  test("events come at once, and cost nothing while there are none", async (t) => {
    const delays: number[] = [];
    let appeared = 0;
    using monitor = new LinkMonitor({ changed: () => void (appeared = performance.now()), gone: () => {} });
    monitor.start();
    for (let round = 0; round < 30; round++) {
      createVethPair({ name: "one", mac: mac(1), mtu: 1500 }, { name: "two", mac: mac(2), mtu: 1500 });
      const made = performance.now();
      await until("it is told", () => appeared > made);
      delays.push(appeared - made);
      deleteLink(findLink("one") ?? assert.fail());
      await delay(5);
    }
    t.diagnostic(`median ${delays.toSorted((a, b) => a - b)[15]?.toFixed(2)} ms from RTM_NEWLINK on`);
    const before = process.cpuUsage();
    await delay(2000);
    const { user, system } = process.cpuUsage(before);
    t.diagnostic(`${((user + system) / 2000).toFixed(2)} ms of CPU in a second without events`);
    assert.ok(user + system < 100_000);
  });

  test("events that wait are known of before anybody has taken them", async () => {
    let told = 0;
    using events = new NetlinkEvents(PROTOCOL.ROUTE, [GROUP.LINK], { message: () => told++, overrun: () => told++ });
    assert.equal(events.isBehind, false);
    ip("link", "add", "v0", "type", "veth", "peer", "name", "v1");
    assert.deepEqual([told, events.isBehind, events.isBehind], [0, true, true], "looking takes nothing away");
    await until("it is told", () => told >= 2);
    assert.equal(events.isBehind, false);
    events.close();
    assert.equal(events.isBehind, true, "nobody can say any more");
  });

  test("more changes than the kernel keeps: everything is looked at again", async () => {
    let told = 0;
    using monitor = new LinkMonitor({ changed: () => told++, gone: () => told++ }, 16 * 1024);
    ipBatch(range(0, 200).map((n) => ["link", "add", `p${n}a`, "type", "veth", "peer", "name", `p${n}b`]));
    monitor.start();
    told = 0;
    // Nobody takes the events while this runs.
    const changes = range(0, 200).flatMap((n) => [
      ["link", "set", `p${n}a`, "mtu", `${1400 - n}`],
      ["link", "set", `p${n}b`, "name", `q${n}b`],
      ...(n % 3 === 0 ? [["link", "del", `p${n}a`]] : []),
    ]);
    ipBatch(changes);
    const all = () => withoutLower(monitor.all());
    await until("all is known", () => all().length === networkLinks().length);
    await delay(200);
    assert.deepEqual(all(), withoutLower(networkLinks()));
    assert.ok(told < changes.length, `${told} of ${changes.length} changes were told: no event was lost`);
    ip("link", "set", "p7a", "mtu", "1350");
    await until("a later change is told", () => monitor.byName("p7a")?.mtu === 1350);
  });
});
