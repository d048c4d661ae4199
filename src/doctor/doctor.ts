/** Looks at everything that a node needs. Nothing has to run, and nothing is changed. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { checkCapabilities, checkLibbpf } from "../agent/prerequisites.js";
import type { Config } from "../config/schema.js";
import { IpsecPolicies } from "../net/ipsec.js";
import { askAgent } from "./agent.js";
import { checkBus } from "./bus.js";
import { judgeIpsec } from "./bypassed.js";
import { judgeClock, readClock } from "./clock.js";
import { type Finding, failure, fromSentence, ok, warning } from "./finding.js";
import { judgeInterfaces } from "./interfaces.js";
import { judgeKernel } from "./kernel.js";
import { checkTrust, type Program } from "./keys.js";
import { mediationDevices, readPath } from "./path-facts.js";
import { judgePath } from "./paths.js";

export interface DoctorOptions {
  readonly config: Config;
  /** Mediation devices beside those of the configuration. */
  readonly mediation: readonly string[];
  /** Called with each finding as soon as it is there. */
  readonly tell: (finding: Finding) => void;
}

/** What the configuration is for. */
export function programsOf(config: Config): Program[] {
  const programs: Program[] = [];
  if (config.interfaces !== undefined || config.radius === undefined) programs.push("agent");
  if (config.radius !== undefined) programs.push("gateway");
  return programs;
}

export async function examine({ config, mediation, tell }: DoctorOptions): Promise<void> {
  const programs = programsOf(config);
  const isEdge = programs.includes("agent");
  const agent = isEdge ? await askAgent(config.agent.socket) : undefined;
  const devices = mediationDevices(config, [...mediation, ...(agent?.mediation ?? [])]);
  const edgeSteps: readonly Step[] = [
    ["kernel", () => examineKernel(config)],
    ["interfaces", () => examineInterfaces(config)],
    ["mediation paths", () => examinePaths(config, devices)],
  ];
  const steps: readonly Step[] = [
    ...(isEdge ? edgeSteps : []),
    ["clock", () => [judgeClock(readClock(), config.security.clockToleranceSeconds)]],
    ["keys", () => checkTrust(config, programs)],
    ["nats", () => checkBus(config, isEdge ? "agent" : "gateway")],
    ["agent", () => (agent === undefined ? [] : [agent.finding])],
  ];
  for (const step of steps) for (const finding of await findingsOf(step)) tell(finding);
}

type Step = readonly [about: string, look: () => Finding[] | Promise<Finding[]>];

/** What cannot be looked at is a finding, too: the rest is looked at all the same. */
async function findingsOf([about, look]: Step): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return [
      failure(about, `cannot be looked at: ${error.message}`, "run the doctor as root, in the node's own namespaces"),
    ];
  }
}

async function examineKernel(config: Config): Promise<Finding[]> {
  const capabilities = checkCapabilities();
  const libbpf = checkLibbpf();
  const findings = [
    capabilities === undefined
      ? ok("capabilities", "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there")
      : fromSentence("failure", "capabilities", capabilities),
    libbpf === undefined ? ok("libbpf", "libbpf.so.1 is there") : fromSentence("failure", "libbpf", libbpf),
  ];
  if (libbpf !== undefined) return findings;
  const { features } = await import("libbpf-ts");
  const bpffs = nearestDirectory(config.datapath.pinDirectory);
  return [...findings, ...judgeKernel(features({ bpffs }), config.datapath)];
}

async function examineInterfaces({ interfaces, datapath }: Config): Promise<Finding[]> {
  if (interfaces === undefined)
    return [failure("interfaces", "the configuration names none", "name interfaces.access, such as [eth1]")];
  const { readInterfaces } = await import("./interface-facts.js");
  const findings = judgeInterfaces(readInterfaces(interfaces, datapath.mode), interfaces, datapath);
  if (datapath.mode !== "xdp-forward") return findings;
  using policies = new IpsecPolicies(() => undefined);
  return [...findings, ...judgeIpsec(policies.areThere)];
}

async function examinePaths(config: Config, devices: readonly string[]): Promise<Finding[]> {
  if (devices.length === 0)
    return [
      warning(
        "mediation paths",
        "no mediation device is known, since instructions name them",
        "name those that you expect: submirror doctor --mediation 198.51.100.9",
      ),
    ];
  const findings: Finding[] = [];
  for (const device of devices) {
    const path = await readPath(device, config);
    findings.push(path === undefined ? noSource(device) : judgePath(path, config.datapath.oversize));
  }
  return findings;
}

function noSource(device: string): Finding {
  const key = device.includes(":") ? "sourceIpv6" : "sourceIpv4";
  return failure(
    `path to ${device}`,
    `mediation.${key} is not set: copies have no source address`,
    `set mediation.${key} to an address of this node`,
  );
}

/** The agent makes the directory itself. */
function nearestDirectory(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
