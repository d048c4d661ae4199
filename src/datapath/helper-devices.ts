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

function setSysctl(path: string, value: string): void {
  const file = `/proc/sys/net/${path}`;
  if (existsSync(file)) writeFileSync(file, value);
}

function mustFind(name: string): NetworkLink {
  const link = findLink(name);
  if (!link) throw new Error(`The helper device ${name} was made and is not there.`);
  return link;
}

function quiet(name: string): void {
  setSysctl(`ipv6/conf/${name}/addr_gen_mode`, "1");
  setSysctl(`ipv6/conf/${name}/accept_ra`, "0");
}

/**
 * A copy's source is an address of the node itself, elsewhere. The kernel takes the stricter of the interface's filter
 * and that of `all`; where `all` filters, loose (2) lets the copy pass if the interface has any address.
 */
function passReversePathFilter(ifindex: number): void {
  const all = readFileSync("/proc/sys/net/ipv4/conf/all/rp_filter", "utf8").trim();
  setSysctl(`ipv4/conf/${STACK_IN}/rp_filter`, all === "0" ? "0" : "2");
  if (all !== "0") ensureLinkAddress({ ...STACK_IN_ADDRESS, ifindex });
}

export interface StackPair {
  readonly out: NetworkLink;
  readonly in: NetworkLink;
  /** 6 bytes. */
  readonly inMac: Buffer;
}

/** Makes the pair where it is not there, and sets it up in any case. */
export function ensureStackPair(): StackPair {
  if (!findLink(STACK_IN)) {
    // gsoMaxSegments 1: the kernel cuts every super-packet before it crosses.
    const out = { name: STACK_OUT, mac: STACK_OUT_MAC, mtu: LARGEST_MTU, gsoMaxSegments: 1 };
    createVethPair(out, { name: STACK_IN, mac: STACK_IN_MAC, mtu: LARGEST_MTU });
  }
  const pair = { out: mustFind(STACK_OUT), in: mustFind(STACK_IN), inMac: STACK_IN_MAC };
  for (const name of [STACK_OUT, STACK_IN]) quiet(name);
  setSysctl(`ipv4/conf/${STACK_IN}/forwarding`, "1");
  setSysctl(`ipv6/conf/${STACK_IN}/forwarding`, "1");
  setSysctl(`ipv6/conf/${STACK_IN}/force_forwarding`, "1");
  setSysctl(`ipv4/conf/${STACK_IN}/accept_local`, "1");
  passReversePathFilter(pair.in.ifindex);
  switchOffTransmitChecksum(STACK_OUT);
  changeLink(pair.out, { up: true });
  changeLink(pair.in, { up: true });
  return pair;
}

/** A persistent TUN device that nobody reads: its egress program sends everything elsewhere. */
export function ensureSpringboard(): NetworkLink {
  if (!findLink(SPRINGBOARD)) createPersistentTun(SPRINGBOARD);
  quiet(SPRINGBOARD);
  const link = mustFind(SPRINGBOARD);
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
