/** The configuration file: one for agent and gateway, each reads its part. Descriptions become the reference. */
import { hostname } from "node:os";
import { z } from "zod";
import { parseAddress, parsePrefix } from "../net/addresses.js";
import { notificationsSection } from "./notifications-section.js";
import { radiusSection } from "./radius-section.js";
import { auditSection, securitySection } from "./security-section.js";
import { sessionsSection } from "./sessions-section.js";

export const DEFAULT_SOCKET = "/run/submirror/agent.sock";

const port = z.int().min(1).max(65535);
/** Where something else may be listening: 0 takes any free port. */
const listenPort = z.int().min(0).max(65535);
const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, "must be letters, digits, '-' and '_'");
const path = z.string().min(1);
const interfaceName = z
  .string()
  .regex(/^[^\s/]{1,64}$/, "must be an interface name or a glob pattern, such as eth1 or ppp*");
const interfaces = z.array(interfaceName);

export const ipv4Address = z.string().refine((text) => parseAddress(text)?.family === 4, "must be an IPv4 address");
export const ipv6Address = z.string().refine((text) => parseAddress(text)?.family === 6, "must be an IPv6 address");
export const ipAddress = z.string().refine((text) => parseAddress(text) !== undefined, "must be an IP address");
export const ipPrefix = z.string().refine((text) => {
  return text.includes("/") && !("problem" in parsePrefix(text));
}, "must be a prefix without host bits, such as 192.0.2.0/24");

const natsUrl = z
  .string()
  .refine(isNatsUrl, "must be a NATS URL, such as nats://192.0.2.10:4222 or tls://nats.example.net:4222");

const nats = z.strictObject({
  servers: z
    .array(natsUrl)
    .min(1)
    .default(["nats://127.0.0.1:4222"])
    .describe("where the NATS servers are; ignored with embedded"),
  embedded: z
    .boolean()
    .default(false)
    .describe("run a nats-server with JetStream on this host's loopback, in dataDirectory"),
  port: port.default(4222).describe("port of the embedded server on 127.0.0.1"),
  dataDirectory: path.default("/var/lib/submirror/nats").describe("where the embedded server keeps its streams"),
  serverBinary: path.default("nats-server").describe("the program that embedded starts"),
  user: z.string().optional().describe("user name, which the embedded server demands too"),
  password: z.string().optional().describe("password of user; write ${NATS_PASSWORD}"),
  token: z.string().optional().describe("token in place of user and password, which the embedded server demands too"),
  nkeySeedFile: path.optional().describe("file with an nkey seed"),
  credentialsFile: path.optional().describe("file with a user JWT and its seed"),
  tls: z
    .strictObject({
      caFile: path.optional().describe("PEM file with the authorities of the servers; absent: those of the system"),
      certFile: path.optional().describe("PEM file with our certificate"),
      keyFile: path.optional().describe("PEM file with its key, readable by its owner alone"),
    })
    .optional()
    .describe("TLS is demanded of the server when present"),
  stream: z
    .strictObject({
      replicas: z.int().min(1).max(5).default(1).describe("copies of stream and session bucket in the NATS cluster"),
      maxAgeHours: z
        .number()
        .positive()
        .max(24 * 365)
        .default(24 * 7)
        .describe("how long events are kept"),
      maxBytes: z
        .int()
        .min(1024 * 1024)
        .default(4 * 1024 ** 3)
        .describe("how much the events may take on disk"),
      duplicateWindowSeconds: z
        .number()
        .positive()
        .max(86_400)
        .default(120)
        .describe("how long event ids are remembered"),
    })
    .prefault({})
    .describe("what the streams are created with, where they are not there yet"),
});

const datapath = z.strictObject({
  mode: z
    .enum(["tc", "xdp-tap", "xdp-forward"])
    .default("tc")
    .describe(
      "tc: beside the kernel's forwarding; xdp-tap: the frames are copies already, of a SPAN port or tap; xdp-forward: mirrored subscribers are forwarded by XDP, past netfilter and qdiscs",
    ),
  maxIntercepts: z.int().min(1).max(1_000_000).default(100_000).describe("size of the kernel's tables"),
  oversize: z
    .enum(["fragment", "drop"])
    .default("fragment")
    .describe("copies that exceed the MTU of the mediation path"),
  way: z
    .enum(["auto", "stack"])
    .default("auto")
    .describe(
      "stack: copies always take the IP stack, for mediation paths that are routed by mark; IPsec policies are seen without",
    ),
  udpChecksum: z.enum(["zero", "computed"]).default("zero").describe("of the outer header to an IPv6 mediation device"),
  attach: z
    .enum(["auto", "tcx", "clsact"])
    .default("auto")
    .describe(
      "auto: tcx where the kernel has it, else clsact; clsact attaches a hundred times as fast, for nodes where interfaces come and go with the subscribers",
    ),
  keepFirst: z
    .boolean()
    .default(true)
    .describe("go to the head of the tcx chain again where another program came to run first"),
  objectDirectory: path.optional().describe("where the compiled eBPF objects lie, if not beside the program"),
  persist: z
    .boolean()
    .default(true)
    .describe("mirroring goes on while no agent runs, and a starting agent takes over what it finds"),
  pinDirectory: path.default("/sys/fs/bpf/submirror").describe("where programs, links and maps outlive the agent"),
});

const mediation = z.strictObject({
  sourceIpv4: ipv4Address.optional().describe("source address of copies to an IPv4 mediation device"),
  sourceIpv6: ipv6Address.optional().describe("source address of copies to an IPv6 mediation device"),
  sourcePort: port.default(30030).describe("source UDP port of copies; receivers may filter on it"),
  ttl: z.int().min(1).max(255).default(255).describe("outer TTL or hop limit of copies"),
  dscp: z.int().min(0).max(63).default(0).describe("outer DSCP of copies where the instruction names none"),
  header: z
    .enum(["junos", "nokia"])
    .default("junos")
    .describe("header in front of a copy where the instruction names none"),
});

const metrics = z.strictObject({
  listen: ipAddress.default("127.0.0.1").describe("address that HTTP is answered on"),
  port: listenPort.default(9464).describe("agent: /metrics, /healthz, /readyz; 0 takes a free one"),
  gatewayPort: listenPort.default(9465).describe("gateway: the same"),
});

const log = z.strictObject({
  level: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace"])
    .default("info")
    .describe("what is logged: this and what is worse"),
  subjects: z.boolean().default(false).describe("name subscribers, sessions and intercepts in the log"),
});

const agent = z.strictObject({
  socket: path
    .max(107)
    .default(DEFAULT_SOCKET)
    .describe("where root asks the running agent: submirror status, intercepts, top"),
});

export const configSchema = z.strictObject({
  node: name.prefault(defaultNode).describe("name of this node in results and events; the host name where absent"),
  nats: nats.prefault({}).describe("the bus that events come by, and where state is kept"),
  nas: z.array(z.string().min(1).max(253)).default([]).describe("NASes whose subscribers pass here; none: all"),
  interfaces: z
    .strictObject({
      access: interfaces.min(1).describe("towards the subscribers; names or glob patterns"),
      core: interfaces.default([]).describe("towards the network"),
      mediation: interfaces.default([]).describe("towards the mediation devices"),
      zones: z
        .record(interfaceName, name)
        .default({})
        .describe("routing instance of access interfaces, by pattern, where addresses overlap between instances"),
    })
    .optional()
    .describe("interfaces of this node; the agent needs them"),
  sessions: sessionsSection.prefault({}).describe("when sessions end that nobody ends"),
  agent: agent.prefault({}).describe("the running agent itself"),
  datapath: datapath.prefault({}).describe("how the kernel copies"),
  mediation: mediation.prefault({}).describe("what copies look like; the agent needs a source address"),
  security: securitySection.prefault({}).describe("whose orders count, and with which keys"),
  audit: auditSection.prefault({}).describe("what is put on record"),
  notifications: notificationsSection.prefault({}).describe("who on the mediation side learns what of intercepts"),
  metrics: metrics.prefault({}).describe("Prometheus and health, over HTTP"),
  log: log.prefault({}).describe("JSON lines on standard output"),
  radius: radiusSection.describe("the RADIUS front door; the gateway needs it"),
});

export type Config = z.infer<typeof configSchema>;

/** What the agent needs beyond the schema: `requireAgentParts` has checked it. */
export type AgentConfig = Config & { readonly interfaces: NonNullable<Config["interfaces"]> };

/** What the gateway needs beyond the schema: `requireGatewayParts` has checked it. */
export type GatewayConfig = Config & { readonly radius: NonNullable<Config["radius"]> };

function defaultNode(): string {
  const short = hostname().split(".")[0] ?? "";
  return (
    short
      .replace(/[^A-Za-z0-9_-]/g, "-")
      .replace(/^[-_]+/, "")
      .slice(0, 64) || "node"
  );
}

function isNatsUrl(text: string): boolean {
  try {
    const url = new URL(text.includes("://") ? text : `nats://${text}`);
    return ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "";
  } catch {
    return false;
  }
}
