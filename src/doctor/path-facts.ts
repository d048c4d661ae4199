/** Asks the kernel for what `paths.ts` judges. */
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config/schema.js";
import { OUTER_BYTES, USUAL_PACKET_BYTES } from "../datapath/next-hops.js";
import { formatAddress, type IpAddress, parseAddress, parsePrefix } from "../net/addresses.js";
import { globMatcher } from "../net/globs.js";
import { interfaceAddresses } from "../net/links.js";
import { NetlinkError } from "../net/netlink/errors.js";
import { type NeighbourState, NextHopQueries } from "../net/next-hop.js";
import type { DevicePath } from "./paths.js";

/** How long a next hop may take that the kernel did not know. */
const RESOLVE_MS = 1500;
const LOOK_EVERY_MS = 50;

/** Mediation devices that the configuration names one by one, and those that the user named. */
export function mediationDevices(config: Config, named: readonly string[]): string[] {
  const services = Object.values(config.radius?.nokia.services ?? {}).map(({ address }) => address);
  const hosts = config.security.authorities.flatMap(({ mediation = [] }) => mediation).flatMap(hostOf);
  return [...new Set([...named, ...services, ...hosts])];
}

/** A prefix that is one address. */
function hostOf(text: string): string[] {
  const prefix = parsePrefix(text);
  if ("problem" in prefix || prefix.length !== prefix.bytes.length * 8) return [];
  return [formatAddress(prefix)];
}

/** Undefined where the configuration has no source address of that family. Throws NetlinkError. */
export async function readPath(device: string, config: Config): Promise<DevicePath | undefined> {
  const destination = parseAddress(device);
  if (destination === undefined) return undefined;
  const given = destination.family === 4 ? config.mediation.sourceIpv4 : config.mediation.sourceIpv6;
  const source = given === undefined ? undefined : parseAddress(given);
  if (source === undefined) return undefined;
  using queries = new NextHopQueries();
  const sourceIsOurs = isOurs(source);
  const needed = USUAL_PACKET_BYTES + OUTER_BYTES[destination.family];
  const route = queries.route(destination, source);
  const link = route && queries.link(route.out);
  if (route === undefined || link === undefined)
    return { device, needed, neighbour: "unreachable", hasProgram: false, sourceIsOurs };
  return {
    device,
    interface: link.name,
    mtu: route.mtu ?? link.mtu,
    needed,
    neighbour: link.hasLinkLayer ? await nextHop(queries, route.gateway ?? destination, route.out) : "noarp",
    hasProgram: globMatcher(config.interfaces?.mediation ?? [])(link.name),
    sourceIsOurs,
  };
}

async function nextHop(queries: NextHopQueries, address: IpAddress, ifindex: number): Promise<NeighbourState> {
  const ends = performance.now() + RESOLVE_MS;
  for (let asked = false; ; ) {
    const state = queries.neighbour(address, ifindex)?.state ?? "none";
    const isOpen = state === "none" || state === "failed" || state === "incomplete";
    if (!isOpen || performance.now() > ends) return state === "none" ? "failed" : state;
    if (!asked && !mayResolve(queries, address, ifindex)) return state;
    asked = true;
    await delay(LOOK_EVERY_MS);
  }
}

/** False where this process may not have the kernel ask for a neighbour. */
function mayResolve(queries: NextHopQueries, address: IpAddress, ifindex: number): boolean {
  try {
    queries.resolve(address, ifindex);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "EPERM") return false;
    throw error;
  }
}

function isOurs(source: IpAddress): boolean {
  return interfaceAddresses().some(({ bytes }) => bytes.equals(source.bytes));
}
