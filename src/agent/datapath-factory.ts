/** The one place that knows which datapath an agent runs on, and what it needs of the configuration. */
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { AgentConfig } from "../config/schema.js";
import { type DatapathOptions, DEFAULT_LIMITS } from "../datapath/options.js";
import type { Datapath } from "../datapath/port.js";
import { StartError } from "./errors.js";

export type OpenDatapath = (config: AgentConfig, log: Logger) => Datapath | Promise<Datapath>;

/** Addresses of one subscriber that are under intercept, as the tables are sized: IPv4, IPv6 prefix, delegated prefix. */
const MATCHES_PER_INTERCEPT = 3;
/** Beside the program: dist/src/agent/ of an installation. */
const OBJECT_DIRECTORY = fileURLToPath(new URL("../../../build/bpf", import.meta.url));

/** The datapath in the kernel. Loads libbpf, so that everything else runs without it. */
export async function openKernelDatapath(config: AgentConfig, log: Logger): Promise<Datapath> {
  const datapath = await loadDatapath(config, log).catch((error: unknown) => Promise.reject(asStartError(error)));
  for (const role of ["access", "mediation"] as const) {
    if (config.interfaces[role].length === 0 || datapath.interfaceNames(role).length > 0) continue;
    log.warn({ patterns: config.interfaces[role] }, `no interface of interfaces.${role} is there yet`);
  }
  if (!datapath.countsStackLosses)
    log.warn(
      "copies that the IP stack drops are not counted: the kernel lets no tracing program in (CAP_PERFMON, kernel lockdown)",
    );
  if (config.mediation.sourceIpv6 !== undefined && !datapath.forwardsIpv6)
    log.warn(
      "the node forwards no IPv6, and copies to an IPv6 mediation device that do not fit its path are lost: sysctl -w net.ipv6.conf.all.forwarding=1",
    );
  return datapath;
}

async function loadDatapath(config: AgentConfig, log: Logger) {
  const { KernelDatapath } = await import("../datapath/kernel.js");
  return new KernelDatapath(datapathOptions(config), {
    attached: (name, roles) => log.info({ interface: name, roles }, "interface in service"),
    gone: (name) => log.info({ interface: name }, "interface gone"),
    failed: (name, reason) => log.error({ interface: name, reason }, "interface cannot be taken into service"),
    overtaken: (name, direction, programs, regained) =>
      log.warn(
        { interface: name, direction, programs },
        regained
          ? "other programs came to run before ours, which went to the head of the chain again"
          : "other programs run before ours: what they take or change is not mirrored as it came",
      ),
    leftToTc: (name, reason) =>
      log.warn({ interface: name, reason }, "xdp-forward leaves packets of this interface to the kernel and tc"),
    narrowPath: (mtu, needed) =>
      log.warn(
        { mtu, needed },
        "a mediation path is too narrow: copies of 1500-byte packets leave in fragments, which some mediation devices do not put together; raise its MTU",
      ),
    stranded: (reason) => log.error({ reason }, "an intercept could not follow its interface"),
  });
}

export function datapathOptions(config: AgentConfig): DatapathOptions {
  const { datapath, interfaces, mediation } = config;
  return {
    objectDirectory: datapath.objectDirectory ?? OBJECT_DIRECTORY,
    mode: datapath.mode,
    attach: { mode: datapath.attach, keepFirst: datapath.keepFirst },
    ...(datapath.persist && { pinDirectory: datapath.pinDirectory }),
    interfaces: {
      access: interfaces.access,
      core: interfaces.core,
      mediation: interfaces.mediation,
      zones: interfaces.zones,
    },
    limits: {
      ...DEFAULT_LIMITS,
      intercepts: datapath.maxIntercepts,
      matches: datapath.maxIntercepts * MATCHES_PER_INTERCEPT,
    },
    mediation: {
      ...(mediation.sourceIpv4 !== undefined && { sourceIpv4: mediation.sourceIpv4 }),
      ...(mediation.sourceIpv6 !== undefined && { sourceIpv6: mediation.sourceIpv6 }),
      sourcePort: mediation.sourcePort,
      ttl: mediation.ttl,
      dscp: mediation.dscp,
      udpChecksum: datapath.udpChecksum,
      oversize: datapath.oversize,
      way: datapath.way,
    },
  };
}

/** What libbpf-ts, netlink or a missing object say is about this node, and has its remedy; the rest is a fault of ours. */
function asStartError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error;
  return new StartError([`the datapath cannot be set up: ${error.message}`]);
}
