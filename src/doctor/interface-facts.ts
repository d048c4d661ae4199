/** Asks the kernel for what `interfaces.ts` judges. */
import { readFileSync } from "node:fs";
import { BpfError, BpfProgram, type Direction, queryTcx, type TcxEntry } from "libbpf-ts";
import type { Config } from "../config/schema.js";
import { CLSACT_HANDLE, hooksOf, PRIORITY } from "../datapath/attach.js";
import { programNames } from "../datapath/chain.js";
import { isVlan, obstacleIn, obstacleOutOfVlan } from "../datapath/forward-rules.js";
import { HELPER_DEVICES } from "../datapath/helper-devices.js";
import { xdpProgramOf } from "../datapath/xdp.js";
import { tagStripping } from "../net/ethtool.js";
import { globMatcher } from "../net/globs.js";
import { type NetworkLink, networkLinks } from "../net/links.js";
import { clsactFilters } from "../net/tc-filters.js";
import { runsXdp, takesRedirects } from "../net/xdp-features.js";
import type { Chain, ConfiguredRole, InterfaceFacts } from "./interfaces.js";

type Mode = Config["datapath"]["mode"];

/** Characters of a program's name that the kernel keeps. */
const KERNEL_NAME = 15;

/** Throws NetlinkError. */
export function readInterfaces(interfaces: NonNullable<Config["interfaces"]>, mode: Mode): InterfaceFacts[] {
  const fits: readonly [ConfiguredRole, (name: string) => boolean][] = (["access", "core", "mediation"] as const).map(
    (role) => [role, globMatcher(interfaces[role])],
  );
  const links = networkLinks();
  return links.flatMap((link) => {
    const roles = fits.filter(([, matches]) => matches(link.name)).map(([role]) => role);
    return roles.length === 0 || HELPER_DEVICES.includes(link.name) ? [] : [factsOf(link, roles, mode, links)];
  });
}

function factsOf(
  link: NetworkLink,
  roles: readonly ConfiguredRole[],
  mode: Mode,
  links: readonly NetworkLink[],
): InterfaceFacts {
  const obstacle = mode === "xdp-forward" ? obstacleOf(link, roles, links) : undefined;
  const foreignXdp = foreignXdpOf(link, roles, mode);
  const lacksXdp = lacksXdpOf(link, roles, mode);
  return {
    link,
    roles,
    chains: chainsOf(link, roles, mode),
    ...(foreignXdp !== undefined && { foreignXdp }),
    ...(lacksXdp !== undefined && { lacksXdp }),
    ...(obstacle !== undefined && { obstacle }),
    filtersSources: filtersSources(link.name),
    notForwarded: (["IPv4", "IPv6"] as const).filter((family) => !forwards(family, link.name)),
  };
}

function obstacleOf(
  link: NetworkLink,
  roles: readonly ConfiguredRole[],
  links: readonly NetworkLink[],
): string | undefined {
  if (!link.hasLinkLayer) return undefined;
  const device = isVlan(link) ? links.find(({ ifindex }) => ifindex === link.lower) : link;
  const ofVlan = isVlan(link) ? obstacleOutOfVlan({ link, roles, zone: 0 }) : undefined;
  if (ofVlan !== undefined || !device) return ofVlan;
  const carriesVlans = links.some((other) => isVlan(other) && other.lower === device.ifindex);
  const strips = tagStripping(device.name);
  return obstacleIn({ link: device, roles: isVlan(link) ? [] : roles, zone: 0, strips, carriesVlans });
}

/** The kernel takes the stricter of the interface's filter and that of all. */
function filtersSources(name: string): boolean {
  return ["all", name].some((scope) => (readSetting(`ipv4/conf/${scope}/rp_filter`) ?? "0") !== "0");
}

function readSetting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/net/${path}`, "utf8").trim();
  } catch {
    // The kernel has no such family, or the interface is gone again.
    return undefined;
  }
}

function chainsOf(link: NetworkLink, roles: readonly ConfiguredRole[], mode: Mode): Chain[] {
  const hooks = roles.flatMap((role) =>
    hooksOf(role, link.hasLinkLayer, mode === "tc" ? undefined : mode).map((hook) => ({ ...hook, role })),
  );
  const directions = [...new Set(hooks.map(({ direction }) => direction))];
  return directions.map((direction) => {
    const own = hooks.filter((hook) => hook.direction === direction);
    return {
      direction,
      ...tcxOf(
        link.ifindex,
        direction,
        own.map(({ program }) => program),
      ),
      clsactAhead: clsactOf(link.ifindex, direction, Math.min(...own.map(({ role }) => PRIORITY[role] ?? 1))),
    };
  });
}

function tcxOf(
  ifindex: number,
  direction: Direction,
  own: readonly string[],
): Pick<Chain, "isSeen" | "tcxAhead" | "tcxBehind"> {
  const chain = queryChain(ifindex, direction);
  if (chain === undefined) return { isSeen: false, tcxAhead: [], tcxBehind: [] };
  const ours = new Set(own.map((name) => name.slice(0, KERNEL_NAME)));
  const names = programNames(chain);
  const last = names.findLastIndex((name) => ours.has(name));
  const foreign = (part: readonly string[]): string[] => part.filter((name) => !ours.has(name));
  return last < 0
    ? { isSeen: true, tcxAhead: names, tcxBehind: [] }
    : { isSeen: true, tcxAhead: foreign(names.slice(0, last)), tcxBehind: foreign(names.slice(last)) };
}

/** Empty where the kernel has no tcx; undefined where it does not let this process look. */
function queryChain(ifindex: number, direction: Direction): readonly TcxEntry[] | undefined {
  try {
    return queryTcx(ifindex, direction).entries;
  } catch (error) {
    return error instanceof BpfError && error.code === "EPERM" ? undefined : [];
  }
}

function clsactOf(ifindex: number, direction: Direction, ownPriority: number): string[] {
  return (
    clsactFilters(ifindex, direction)
      .filter(({ handle, priority }) => handle !== CLSACT_HANDLE && priority < ownPriority)
      // libbpf puts the program's id behind its name.
      .map(({ kind, name }) => name?.replace(/:\[\d+\]$/, "") ?? kind)
  );
}

function foreignXdpOf({ xdpProgram }: NetworkLink, roles: readonly ConfiguredRole[], mode: Mode): string | undefined {
  if (xdpProgram === undefined) return undefined;
  const own = mode === "tc" ? undefined : xdpProgramOf(mode, roles)?.slice(0, KERNEL_NAME);
  const name = xdpName(xdpProgram);
  return name === own ? undefined : name;
}

function xdpName(id: number): string {
  try {
    using program = BpfProgram.openById(id);
    return program.name || `number ${id}`;
  } catch {
    return `number ${id}`;
  }
}

function lacksXdpOf(link: NetworkLink, roles: readonly ConfiguredRole[], mode: Mode): string | undefined {
  const { ifindex, hasLinkLayer, lower } = link;
  if (mode === "tc" || !hasLinkLayer) return undefined;
  // A VLAN interface's frames are its device's, which has the program.
  const carrier = mode === "xdp-forward" && isVlan(link) ? lower : ifindex;
  if (xdpProgramOf(mode, roles) !== undefined && carrier !== undefined && runsXdp(carrier) === false)
    return "runs no XDP programs";
  if (roles.includes("mediation") && !takesRedirects(ifindex)) return "does not send what XDP redirects";
  return undefined;
}

function forwards(family: "IPv4" | "IPv6", name: string): boolean {
  return readSetting(`${family.toLowerCase()}/conf/${name}/forwarding`) !== "0";
}
