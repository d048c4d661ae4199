/**
 * The devices that the datapath makes for itself in the node's network namespace: the pair through which copies
 * enter the IP stack, and the device that gives copies from ppp and tun interfaces an Ethernet header.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { switchOffTransmitChecksum } from "../net/ethtool.js";
import { ip, type NetworkLink, networkLinks } from "../net/links.js";

export const STACK_OUT = "submirror-out";
export const STACK_IN = "submirror-in";
export const SPRINGBOARD = "submirror-l3";
export const HELPER_DEVICES: readonly string[] = [STACK_OUT, STACK_IN, SPRINGBOARD];

/** Begins with an octet that no note of the datapath begins with (stack.h). */
const STACK_IN_MAC = "02:73:75:62:00:02";
const STACK_OUT_MAC = "02:73:75:62:00:01";
/** Link-local, on no wire: only so that the interface has one. */
const STACK_IN_ADDRESS = "169.254.115.98/32";
const LARGEST_MTU = "65535";

function setSysctl(path: string, value: string): void {
  const file = `/proc/sys/net/${path}`;
  if (existsSync(file)) writeFileSync(file, value);
}

function find(name: string): NetworkLink | undefined {
  return networkLinks().find((link) => link.name === name);
}

function mustFind(name: string): NetworkLink {
  const link = find(name);
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
function passReversePathFilter(): void {
  const all = readFileSync("/proc/sys/net/ipv4/conf/all/rp_filter", "utf8").trim();
  setSysctl(`ipv4/conf/${STACK_IN}/rp_filter`, all === "0" ? "0" : "2");
  if (all !== "0") ip("address", "replace", STACK_IN_ADDRESS, "dev", STACK_IN, "scope", "link");
}

export interface StackPair {
  readonly out: NetworkLink;
  readonly in: NetworkLink;
  /** 6 bytes. */
  readonly inMac: Buffer;
}

/** Makes the pair where it is not there, and sets it up in any case. */
export function ensureStackPair(): StackPair {
  if (!find(STACK_IN)) {
    // gso_max_segs 1: the kernel cuts every super-packet before it crosses.
    const out = ["link", "add", STACK_OUT, "address", STACK_OUT_MAC, "mtu", LARGEST_MTU, "gso_max_segs", "1"];
    ip(...out, "type", "veth", "peer", "name", STACK_IN, "address", STACK_IN_MAC, "mtu", LARGEST_MTU);
  }
  for (const name of [STACK_OUT, STACK_IN]) quiet(name);
  setSysctl(`ipv4/conf/${STACK_IN}/forwarding`, "1");
  setSysctl(`ipv6/conf/${STACK_IN}/forwarding`, "1");
  setSysctl(`ipv6/conf/${STACK_IN}/force_forwarding`, "1");
  setSysctl(`ipv4/conf/${STACK_IN}/accept_local`, "1");
  passReversePathFilter();
  switchOffTransmitChecksum(STACK_OUT);
  ip("link", "set", STACK_OUT, "up");
  ip("link", "set", STACK_IN, "up");
  return {
    out: mustFind(STACK_OUT),
    in: mustFind(STACK_IN),
    inMac: Buffer.from(STACK_IN_MAC.replaceAll(":", ""), "hex"),
  };
}

/** A persistent TUN device that nobody reads: its egress program sends everything elsewhere. */
export function ensureSpringboard(): NetworkLink {
  if (!find(SPRINGBOARD)) ip("tuntap", "add", "dev", SPRINGBOARD, "mode", "tun");
  quiet(SPRINGBOARD);
  ip("link", "set", SPRINGBOARD, "mtu", LARGEST_MTU, "up");
  return mustFind(SPRINGBOARD);
}

export function removeHelperDevices(): void {
  if (find(STACK_OUT)) ip("link", "delete", STACK_OUT);
  if (find(SPRINGBOARD)) ip("link", "delete", SPRINGBOARD);
}
