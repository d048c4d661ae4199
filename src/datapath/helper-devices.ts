/**
 * The devices that the datapath makes for itself in the node's network namespace: the pair through which copies
 * enter the IP stack, and the device that gives copies from ppp and tun interfaces an Ethernet header.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { switchOffTransmitChecksum } from "../net/ethtool.js";
import { changeLink, createVethPair, deleteLink, ensureLinkAddress, findLink, type NetworkLink } from "../net/links.js";
import { createPersistentTun } from "../net/tun.js";

export const STACK_OUT = "submirror-out";
export const STACK_IN = "submirror-in";
export const SPRINGBOARD = "submirror-l3";
export const HELPER_DEVICES: readonly string[] = [STACK_OUT, STACK_IN, SPRINGBOARD];

/** Begins with an octet that no note of the datapath begins with (stack.h). */
const STACK_IN_MAC = Buffer.from([0x02, 0x73, 0x75, 0x62, 0x00, 0x02]);
const STACK_OUT_MAC = Buffer.from([0x02, 0x73, 0x75, 0x62, 0x00, 0x01]);
/** 169.254.115.98: link-local, on no wire, only so that the interface has one. */
const STACK_IN_ADDRESS = { family: 4, bytes: Buffer.from([169, 254, 115, 98]), prefixLength: 32 } as const;
const LARGEST_MTU = 65535;

/** What netlink does not set. False where it is not what it should be: a container's /proc/sys is read-only. */
function setIpv6(path: string, value: string): boolean {
  const file = `/proc/sys/net/ipv6/${path}`;
  if (!existsSync(file)) return false;
  try {
    writeFileSync(file, value);
    return true;
  } catch {
    return readSetting(file) === value;
  }
}

function readSetting(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function mustFind(name: string): NetworkLink {
  const link = findLink(name);
  if (!link) throw new Error(`The helper device ${name} was made and is not there.`);
  return link;
}

function quiet(link: NetworkLink): void {
  if (!existsSync("/proc/sys/net/ipv6")) return;
  changeLink(link, { noIpv6Address: true });
  setIpv6(`conf/${link.name}/accept_ra`, "0");
}

/**
 * A copy's source is an address of the node itself, elsewhere. The kernel takes the stricter of the interface's filter
 * and that of `all`; where `all` filters, loose (2) lets the copy pass if the interface has any address.
 */
function passReversePathFilter(link: NetworkLink): void {
  const isOff = readSetting("/proc/sys/net/ipv4/conf/all/rp_filter") === "0";
  changeLink(link, { ipv4: { RP_FILTER: isOff ? 0 : 2 } });
  if (!isOff) ensureLinkAddress({ ...STACK_IN_ADDRESS, ifindex: link.ifindex });
}

/** The node forwards what comes in there, of itself or since it is told to for this interface (Linux 6.17). */
function forwardIpv6(name: string): boolean {
  setIpv6(`conf/${name}/forwarding`, "1");
  const forced = setIpv6(`conf/${name}/force_forwarding`, "1");
  return forced || readSetting("/proc/sys/net/ipv6/conf/all/forwarding") === "1";
}

export interface StackPair {
  readonly out: NetworkLink;
  readonly in: NetworkLink;
  /** 6 bytes. */
  readonly inMac: Buffer;
  /** False where the node forwards no IPv6 and it cannot be told to: IPv6 copies that take the stack are lost. */
  readonly forwardsIpv6: boolean;
}

/** Makes the pair where it is not there, and sets it up in any case. */
export function ensureStackPair(): StackPair {
  if (!findLink(STACK_IN)) {
    // gsoMaxSegments 1: the kernel cuts every super-packet before it crosses.
    const out = { name: STACK_OUT, mac: STACK_OUT_MAC, mtu: LARGEST_MTU, gsoMaxSegments: 1 };
    createVethPair(out, { name: STACK_IN, mac: STACK_IN_MAC, mtu: LARGEST_MTU });
  }
  const [out, into] = [mustFind(STACK_OUT), mustFind(STACK_IN)];
  for (const link of [out, into]) quiet(link);
  changeLink(into, { ipv4: { FORWARDING: 1, ACCEPT_LOCAL: 1 } });
  passReversePathFilter(into);
  const pair = { out, in: into, inMac: STACK_IN_MAC, forwardsIpv6: forwardIpv6(STACK_IN) };
  switchOffTransmitChecksum(STACK_OUT);
  changeLink(pair.out, { up: true });
  changeLink(pair.in, { up: true });
  return pair;
}

/** A persistent TUN device that nobody reads: its egress program sends everything elsewhere. */
export function ensureSpringboard(): NetworkLink {
  if (!findLink(SPRINGBOARD)) createPersistentTun(SPRINGBOARD);
  const link = mustFind(SPRINGBOARD);
  quiet(link);
  changeLink(link, { mtu: LARGEST_MTU, up: true });
  return link;
}

/** Returns the names of those that were there. */
export function removeHelperDevices(): string[] {
  const there = HELPER_DEVICES.filter((name) => findLink(name) !== undefined);
  for (const name of [STACK_OUT, SPRINGBOARD]) {
    const link = findLink(name);
    if (link) deleteLink(link);
  }
  return there;
}
