/** The sections of trust: whose orders count, with which keys, and where it is put on record. */
import { z } from "zod";
import { parsePrefix } from "../net/addresses.js";
import { isSealingPublicKey } from "../security/keys/sealing-key.js";
import { isSigningPublicKey } from "../security/keys/signing-key.js";

const HOURS_PER_YEAR = 24 * 365;

const path = z.string().min(1);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "must be letters, digits, '-' and '_'");
const signingKey = z
  .string()
  .refine(
    isSigningPublicKey,
    "must be a public signing key, U and 55 more characters, as submirror keys show prints it",
  );
const sealingKey = z
  .string()
  .refine(
    isSealingPublicKey,
    "must be a public sealing key, X and 55 more characters, as submirror keys show prints it",
  );
const prefix = z
  .string()
  .refine((text) => !("problem" in parsePrefix(text)), "must be a prefix without host bits, such as 198.51.100.0/24");
const idRange = z
  .union([z.int(), z.string()])
  .refine((range) => parseIdRange(range) !== undefined, "must be an intercept id or a range of them, such as 256-511");
const hours = z.number().positive();

const authority = z.strictObject({
  name: name.describe("stands in the audit log"),
  kind: z.enum(["gateway", "authority"]).describe("gateway: signs what RADIUS asks for; authority: tasks by warrant"),
  keys: z.array(signingKey).min(1).describe("public signing keys; several while they are being changed"),
  nas: z.array(z.string().min(1).max(253)).optional().describe("NASes that it may speak of; absent: all"),
  interceptIds: z.array(idRange).min(1).optional().describe("intercept ids that it may use; absent: all"),
  mediation: z.array(prefix).min(1).optional().describe("where copies may be sent; absent: anywhere"),
  mayMatch: z
    .boolean()
    .default(false)
    .describe("may name packets by link or prefix, beside the addresses of the subscriber's sessions"),
  maxDurationHours: hours
    .max(10 * HOURS_PER_YEAR)
    .optional()
    .describe("longest intercept that it may order; absent: that of security"),
});

const agent = z.strictObject({
  name: name.describe("one agent, or all that share these keys"),
  keys: z.array(signingKey).min(1).describe("public signing keys"),
  opens: z
    .array(sealingKey)
    .min(1)
    .describe("public sealing keys: everything that agents have to read is sealed to them"),
});

function distinctNames(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map((item) => item.name)).size === list.length;
}

function distinctKeys(list: readonly { readonly keys: readonly string[] }[]): boolean {
  const all = list.flatMap(({ keys }) => keys);
  return new Set(all).size === all.length;
}

const sections = z.strictObject({
  mode: z
    .enum(["strict", "lab"])
    .default("strict")
    .describe("lab accepts plain instructions, over loopback NATS alone"),
  signingKeyFile: path.optional().describe("seed of this program's signing key (SU...), readable by its owner alone"),
  gatewaySigningKeyFile: path
    .optional()
    .describe("that of the gateway, where agent and gateway read one file; absent: signingKeyFile"),
  sealingKeyFiles: z
    .array(path)
    .default([])
    .describe("seeds of this program's sealing keys (SX...): each opens, so that keys change without a gap"),
  agents: z
    .array(agent)
    .default([])
    .refine(distinctNames, "must have names that differ from one another")
    .describe("who reads events and orders, and writes session records"),
  authorities: z
    .array(authority)
    .default([])
    .refine(distinctNames, "must have names that differ from one another")
    .refine(distinctKeys, "must not give one key to two authorities")
    .describe("whose orders count"),
  maxDurationHours: hours
    .max(10 * HOURS_PER_YEAR)
    .default(90 * 24)
    .describe("every intercept ends after that at the latest"),
  twoPersonRule: z.boolean().default(false).describe("tasks are signed by two distinct authorities"),
  orderValidityHours: hours
    .max(31 * 24)
    .default(24)
    .describe("within that an instruction of RADIUS has to reach the agents; so long they remember it"),
  clockToleranceSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(300)
    .describe("how far the clocks of signers and agents may be apart"),
  plainEvents: z
    .boolean()
    .default(false)
    .describe(
      "takes events whose attributes are not sealed, from publishers other than our gateway; instructions in them are sealed and signed all the same",
    ),
  dropPrivileges: z
    .boolean()
    .default(true)
    .describe("the agent keeps CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON alone, the gateway none"),
  stateDirectory: path
    .default("/var/lib/submirror/state")
    .describe("what outlives a restart: orders taken, data keys issued"),
});

export const securitySection = sections.refine(({ agents, authorities }) => distinctKeys([...agents, ...authorities]), {
  path: ["authorities"],
  message: "must not name the key of an agent: an agent orders nothing",
});

export const auditSection = z.strictObject({
  directory: path
    .optional()
    .describe("absent: /var/lib/submirror/audit; in lab mode none, and nothing is put on record"),
  readers: z
    .array(sealingKey)
    .default([])
    .describe("public sealing keys of those who may read whom an entry is about; none: the agents"),
  segmentMegabytes: z.number().min(0.001).max(1024).default(64).describe("a file is followed by a new one above this"),
  keepSegments: z.int().min(2).optional().describe("files that are kept on the node; absent: all"),
  whenFull: z
    .enum(["refuse-starts", "go-on"])
    .default("refuse-starts")
    .describe(
      "where an entry cannot be written: no new intercept starts, or it starts off the record; running ones go on",
    ),
  copies: z.boolean().default(true).describe("a copy of each entry goes to the stream AUDIT at once"),
});

/** `256-511`, `0x100-0x1ff` or one id: both ends, of 30 bits. Undefined where it is none. */
export function parseIdRange(range: number | string): readonly [number, number] | undefined {
  const parts = /^(0x[0-9a-fA-F]{1,8}|\d{1,10})(?:-(0x[0-9a-fA-F]{1,8}|\d{1,10}))?$/.exec(String(range));
  if (parts === null) return undefined;
  const from = Number(parts[1]);
  const to = Number(parts[2] ?? parts[1]);
  return from <= to && to <= 0x3fff_ffff ? [from, to] : undefined;
}
