/** The section `notifications`: who on the mediation side learns what of intercepts (INI-2). */
import { isIP } from "node:net";
import { z } from "zod";
import { isSealingPublicKey } from "../security/keys/sealing-key.js";

/** RFC 3414 section 11.2: shorter ones are refused by receivers. */
const passphrase = z.string().min(8, "must have 8 characters at least (RFC 3414)").max(256);

const snmpReceiver = z.strictObject({
  address: z
    .string()
    .refine((text) => isIP(text) !== 0, "must be an IP address")
    .describe("of the receiver"),
  port: z.int().min(1).max(65_535).default(162).describe("its UDP port"),
  kind: z
    .enum(["trap", "inform"])
    .default("trap")
    .describe("an inform is acknowledged by the receiver, so that a loss is known"),
  user: z.string().min(1).max(32).describe("user of SNMPv3's USM"),
  authProtocol: z
    .enum(["sha", "sha224", "sha256", "sha384", "sha512"])
    .default("sha256")
    .describe("what messages are authenticated with"),
  authPassphrase: passphrase.describe("of authentication"),
  privProtocol: z
    .enum(["aes", "aes256b", "aes256r"])
    .default("aes")
    .describe("aes256b: as Blumenthal's draft; aes256r: as Reeder's"),
  privPassphrase: passphrase.describe("of encryption"),
});

export const notificationsSection = z.strictObject({
  readers: z
    .array(z.string().refine(isSealingPublicKey, "must be a public sealing key, X and 55 more characters"))
    .default([])
    .describe("public sealing keys of those who may read notifications on the bus; none: the agents"),
  routerId: z.string().min(1).max(255).optional().describe("name of this node to the mediation side; absent: node"),
  engineId: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{2}){5,32}$/, "must be an SNMP engine id: 10 to 64 hex digits")
    .optional()
    .describe(
      "SNMP engine id of this agent, which receivers of traps have to know; absent: 8000000004 and the node's name in hex",
    ),
  snmp: z
    .array(snmpReceiver)
    .default([])
    .describe("receivers of SNMPv3 notifications, with authentication and privacy"),
  maxWaiting: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe("SNMP notifications that wait for a receiver that is away"),
  keepMinutes: z.number().positive().max(10_080).default(60).describe("how long one is tried"),
});
