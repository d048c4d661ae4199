/** The interfaces that the configuration names: whether they are there, and who else looks at their packets. */
import type { Config } from "../config/schema.js";
import type { Role } from "../datapath/attach.js";
import { isGlob } from "../net/globs.js";
import type { NetworkLink } from "../net/links.js";
import { judgeBypass } from "./bypassed.js";
import { type Finding, failure, ok, warning } from "./finding.js";

export type ConfiguredRole = Extract<Role, "access" | "core" | "mediation">;
type InterfacesConfig = NonNullable<Config["interfaces"]>;
type DatapathConfig = Pick<Config["datapath"], "attach" | "keepFirst" | "mode">;

/** What runs on one direction of an interface. */
export interface Chain {
  readonly direction: "ingress" | "egress";
  /** False where the kernel does not let this process see the tcx programs. */
  readonly isSeen: boolean;
  /** Names of foreign tcx programs that run before ours, or that are there while ours are not. */
  readonly tcxAhead: readonly string[];
  /** Foreign tcx programs behind ours. */
  readonly tcxBehind: readonly string[];
  /** Foreign clsact filters that run before ours would, were ours clsact filters. */
  readonly clsactAhead: readonly string[];
}

export interface InterfaceFacts {
  readonly link: NetworkLink;
  readonly roles: readonly ConfiguredRole[];
  readonly chains: readonly Chain[];
  /** Name of an XDP program that is not ours. */
  readonly foreignXdp?: string;
  /** Why xdp-forward leaves packets of the interface to tc: one sentence, with the remedy. */
  readonly obstacle?: string;
  /** The kernel drops packets whose source it would not route back here. */
  readonly filtersSources?: boolean;
  /** What the configured mode asks of the driver, and it does not offer. */
  readonly lacksXdp?: string;
  /** Address families that the kernel does not forward from here. */
  readonly notForwarded: readonly ("IPv4" | "IPv6")[];
}

const ROLES: readonly ConfiguredRole[] = ["access", "core", "mediation"];
/** With more interfaces than that, those without a finding are summed up. */
const NAMED_AT_MOST = 10;

/** Pure. */
export function judgeInterfaces(
  facts: readonly InterfaceFacts[],
  interfaces: InterfacesConfig,
  datapath: DatapathConfig,
): Finding[] {
  const missing = ROLES.flatMap((role) => judgePatterns(role, interfaces[role], facts));
  const judged = facts.map((fact) => judgeInterface(fact, datapath));
  const fine = judged.filter((findings) => findings.every(({ state }) => state === "ok")).flat();
  const others = judged.filter((findings) => findings.some(({ state }) => state !== "ok")).flat();
  const summed =
    fine.length > NAMED_AT_MOST ? [ok("interfaces", `${fine.length} are up, nobody is ahead of us`)] : fine;
  return [...missing, ...summed, ...others];
}

/** The agent demands that plain names exist; patterns may match later. */
function judgePatterns(role: ConfiguredRole, patterns: readonly string[], facts: readonly InterfaceFacts[]): Finding[] {
  const there = facts.filter(({ roles }) => roles.includes(role)).map(({ link }) => link.name);
  const absent = patterns
    .filter((pattern) => !isGlob(pattern) && !there.includes(pattern))
    .map((name) =>
      failure(`interface ${name}`, `of interfaces.${role} is not there`, "create it, or correct the configuration"),
    );
  if (there.length > 0 || absent.length > 0 || patterns.length === 0) return absent;
  return [
    warning(
      `interfaces.${role}`,
      `none is there that fits ${patterns.join(", ")}`,
      "correct the pattern, unless they come later (ppp*)",
    ),
  ];
}

function judgeInterface(fact: InterfaceFacts, datapath: DatapathConfig): Finding[] {
  const { link, roles } = fact;
  const about = `interface ${link.name}`;
  const problems = [
    ...(link.up ? [] : [warning(about, "is down", `ip link set ${link.name} up`)]),
    ...judgeXdp(about, fact, datapath),
    ...fact.chains.flatMap((chain) => judgeChain(about, link.name, chain, datapath)),
    ...judgeForwarding(about, fact, datapath),
    ...(datapath.mode === "xdp-forward" && isOnTheWay(roles) ? judgeBypass(about, fact) : []),
  ];
  if (problems.length > 0) return problems;
  const behind = fact.chains.flatMap(({ tcxBehind }) => tcxBehind);
  const company = behind.length > 0 ? `; behind us: ${behind.join(", ")}` : "";
  return [ok(about, `${roles.join(" and ")}, up, MTU ${link.mtu}, nobody is ahead of us${company}`)];
}

/** Of originals. */
function isOnTheWay(roles: readonly ConfiguredRole[]): boolean {
  return roles.includes("access") || roles.includes("core");
}

function judgeXdp(about: string, { link, foreignXdp, lacksXdp }: InterfaceFacts, { mode }: DatapathConfig): Finding[] {
  const takeOff = `take it off (ip link set ${link.name} xdp off)`;
  if (foreignXdp !== undefined) {
    return mode === "tc"
      ? [warning(about, `the XDP program ${foreignXdp} runs before tc: what it takes is not mirrored`, takeOff)]
      : [
          failure(
            about,
            `the XDP program ${foreignXdp} is in the place of ours`,
            `${takeOff}, or use datapath.mode tc`,
          ),
        ];
  }
  if (lacksXdp === undefined) return [];
  return [failure(about, `the driver ${lacksXdp}, which ${mode} needs`, "use another card, or datapath.mode tc")];
}

function judgeChain(about: string, name: string, chain: Chain, { attach, keepFirst }: DatapathConfig): Finding[] {
  const { direction, isSeen, tcxAhead, clsactAhead } = chain;
  if (!isSeen)
    return [warning(about, `who else has programs on its ${direction} cannot be seen`, "run the doctor as root")];
  const others = tcxAhead.join(", ");
  if (attach === "clsact") {
    if (tcxAhead.length > 0)
      return [
        failure(about, `tcx programs run before clsact on ${direction}: ${others}`, "set datapath.attach to auto"),
      ];
    if (clsactAhead.length === 0) return [];
    return [
      warning(
        about,
        `filters run before ours on ${direction}: ${clsactAhead.join(", ")}`,
        `give them higher priorities (tc filter show dev ${name} ${direction})`,
      ),
    ];
  }
  if (tcxAhead.length === 0) return [];
  const found = `tcx programs run before ours on ${direction}: ${others}`;
  if (keepFirst) return [ok(about, `${found}; a running agent goes to the head of the chain (datapath.keepFirst)`)];
  return [warning(about, found, "set datapath.keepFirst to true, or have the other agent attach behind us")];
}

function judgeForwarding(
  about: string,
  { link, roles, notForwarded }: InterfaceFacts,
  { mode }: DatapathConfig,
): Finding[] {
  if (mode === "xdp-tap" || !roles.includes("access")) return [];
  return notForwarded.map((family) => {
    const key = `net.${family.toLowerCase()}.conf.${link.name}.forwarding`;
    return warning(
      about,
      `the kernel forwards no ${family} from here (${key} is 0)`,
      `sysctl -w net.${family === "IPv4" ? "ipv4.ip_forward" : "ipv6.conf.all.forwarding"}=1, where subscribers have ${family}`,
    );
  });
}
