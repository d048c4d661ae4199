/** The one place that knows which datapath an agent runs on, and what of the configuration it needs. */
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { AgentConfig } from "../config/schema.js";
import { type DatapathOptions, DEFAULT_LIMITS } from "../datapath/options.js";
import type { Datapath } from "../datapath/port.js";

export type OpenDatapath = (config: AgentConfig, log: Logger) => Datapath | Promise<Datapath>;

/** Where `make` puts the compiled eBPF objects; packages may say otherwise. */
const OBJECT_DIRECTORY = process.env["SUBMIRROR_BPF"] ?? fileURLToPath(new URL("../../../build/bpf", import.meta.url));
/** An IPv4 address, an IPv6 prefix and a delegated one for each intercept. */
const MATCHES_PER_INTERCEPT = 3;

export function datapathOptions(config: AgentConfig): DatapathOptions {
  const { access, mediation } = config.interfaces;
  const { sourceIpv4, sourceIpv6, sourcePort, ttl, dscp } = config.mediation;
  const intercepts = config.datapath.maxIntercepts;
  return {
    objectDirectory: OBJECT_DIRECTORY,
    interfaces: { access, mediation },
    limits: { ...DEFAULT_LIMITS, intercepts, matches: intercepts * MATCHES_PER_INTERCEPT },
    mediation: {
      ...(sourceIpv4 !== undefined && { sourceIpv4 }),
      ...(sourceIpv6 !== undefined && { sourceIpv6 }),
      sourcePort,
      ttl,
      dscp,
      udpChecksum: "zero",
      oversize: config.datapath.oversize,
      way: "auto",
    },
  };
}

/** The kernel's. Loaded when the prerequisites have been checked: it needs libbpf. */
export async function loadKernelDatapath(): Promise<OpenDatapath> {
  const { KernelDatapath } = await import("../datapath/kernel.js");
  return (config, log) =>
    new KernelDatapath(datapathOptions(config), {
      attached: (name, roles) => log.info({ interface: name, roles }, "interface in service"),
      gone: (name) => log.info({ interface: name }, "interface gone"),
      failed: (name, reason) => log.error({ interface: name, reason }, "interface not in service"),
    });
}
