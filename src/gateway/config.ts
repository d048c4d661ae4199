/** The configuration's top-level key `radius`. Secrets are plain text here; whoever reads the file resolves `${ENV}`. */

import { isIP, isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";
import { z } from "zod";

const address = z.string().refine((text) => isIP(text) !== 0, "expected an IPv4 or IPv6 address");
const prefix = z
  .string()
  .refine(isAddressOrPrefix, "expected an IPv4 or IPv6 address, or a prefix such as 192.0.2.0/24");
const port = z.int().min(1, "expected a port from 1 to 65535").max(65_535, "expected a port from 1 to 65535");
/** 0 lets the system choose, for tests. */
const listenPort = z.int().min(0, "expected a port from 0 to 65535").max(65_535, "expected a port from 0 to 65535");
const secret = z.string().min(1, "expected a shared secret that is not empty");
const name = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "expected 1 to 64 letters, digits, '_' or '-'");
const milliseconds = z.int().min(0, "expected milliseconds, 0 or more").max(600_000, "expected at most 600000 ms");

function isAddressOrPrefix(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [base = "", bits = ""] = text.split("/", 2);
  return isIP(base) !== 0 && /^\d{1,3}$/.test(bits) && ipaddr.isValidCIDR(text);
}

function isLoopback(text: string): boolean {
  return text === "::1" || (isIPv4(text) && text.startsWith("127."));
}

function uniqueNames(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map((item) => item.name)).size === list.length;
}
const UNIQUE = "expected names that differ from one another";

const saltAuthenticator = z.enum(["zero", "packet"]);

const ONLY_NAS_IDENTIFIER = "the only NAS-Identifier that it may use; absent: any";

const listen = z.strictObject({
  addresses: z
    .array(address)
    .min(1, "expected at least one address")
    .default(["0.0.0.0"])
    .describe("on a machine with several addresses name them: answers then leave from the address that was asked"),
  auth: listenPort.default(1812).describe("UDP port of authentication"),
  accounting: listenPort.default(1813).describe("UDP port of accounting"),
  coa: listenPort.default(3799).describe("UDP port of CoA- and Disconnect-Requests"),
});

const nasCoa = z.strictObject({
  address: address.describe("of the NAS"),
  port: port.default(3799).describe("UDP port there"),
  secret: secret.describe("shared with the NAS"),
});

const tlsFiles = {
  certificate: z.string().min(1, "expected a PEM file").describe("PEM file with our certificate"),
  key: z.string().min(1, "expected a PEM file").describe("PEM file with its key"),
  ca: z
    .string()
    .min(1, "expected a PEM file")
    .describe("PEM file with the authorities that the other side's certificate must come from"),
};

const radsecClient = z.strictObject({
  name: name.describe("stands in logs"),
  certificateName: z
    .string()
    .min(1, "expected the name in the peer's certificate")
    .describe("a DNS name in the peer's certificate, or its common name where it has none"),
  nasIdentifier: z.string().min(1).max(253).optional().describe(ONLY_NAS_IDENTIFIER),
  coa: z.boolean().default(false).describe("whether the peer may send CoA- and Disconnect-Requests"),
});

const client = z.strictObject({
  name: name.describe("stands in logs"),
  address: prefix.describe("address or prefix that the NAS sends from"),
  secret: secret.describe("shared with the NAS"),
  nasIdentifier: z.string().min(1).max(253).optional().describe(ONLY_NAS_IDENTIFIER),
  nasAddresses: z
    .array(address)
    .default([])
    .describe("addresses by which a CoA may name this NAS, besides address where that is one address"),
  requireMessageAuthenticator: z
    .boolean()
    .default(true)
    .describe("CVE-2024-3596: Access-Requests without Message-Authenticator are dropped"),
  coa: nasCoa
    .optional()
    .describe("where CoA- and Disconnect-Requests for this NAS are relayed, without the LI attributes"),
});

const plainUpstream = z.strictObject({
  name: name.describe("stands in logs and metrics"),
  address: address.describe("of the server"),
  secret: secret.optional().describe('shared with it; needed without radsec, whose secret is always "radsec"'),
  auth: port.default(1812).describe("UDP port of authentication there"),
  accounting: port.default(1813).describe("UDP port of accounting there"),
  requireMessageAuthenticator: z
    .boolean()
    .default(false)
    .describe("drops replies to Access-Requests that have none; off, they are counted"),
  healthCheck: z
    .enum(["status-server", "none"])
    .default("status-server")
    .describe("how a server is seen to be alive when no request has told lately: by RFC 5997, or not at all"),
  radsec: z
    .strictObject({
      port: port.default(2083).describe("TCP port there"),
      serverName: z
        .string()
        .min(1, "expected the DNS name in the server's certificate")
        .describe("the DNS name in the server's certificate"),
      ...tlsFiles,
    })
    .optional()
    .describe("RADIUS over TLS in place of UDP"),
});

const upstream = plainUpstream.refine((it) => it.secret !== undefined || it.radsec !== undefined, {
  path: ["secret"],
  error: "expected a shared secret, or radsec",
});

const coaClient = z.strictObject({
  name: name.describe("stands in logs"),
  address: prefix.describe("address or prefix that it sends from"),
  secret: secret.describe("shared with it"),
  requireMessageAuthenticator: z.boolean().default(false).describe("drops its requests that have none"),
  saltAuthenticator: saltAuthenticator.optional().describe("overrides radius.saltAuthenticator for this client"),
});

const radius = z.strictObject({
  listen: listen.prefault({}).describe("where requests are taken"),
  nas: z
    .strictObject({ identifier: z.string().min(1).max(253).describe("its NAS-Identifier") })
    .optional()
    .describe("the NAS that a request belongs to which names none"),
  clients: z.array(client).default([]).refine(uniqueNames, UNIQUE).describe("the NASes"),
  upstreams: z
    .array(upstream)
    .default([])
    .refine(uniqueNames, UNIQUE)
    .describe("the RADIUS servers; load is shared by subscriber, a server that is silent is passed over"),
  coaClients: z
    .array(coaClient)
    .default([])
    .refine(uniqueNames, UNIQUE)
    .describe("who may send CoA- and Disconnect-Requests"),
  radsec: z
    .strictObject({
      addresses: z
        .array(address)
        .min(1, "expected at least one address")
        .default(["0.0.0.0"])
        .describe("where connections are taken"),
      port: listenPort.default(2083).describe("TCP port"),
      ...tlsFiles,
      clients: z
        .array(radsecClient)
        .min(1, "expected at least one client")
        .refine(uniqueNames, UNIQUE)
        .describe("who may connect"),
    })
    .optional()
    .describe("RADIUS over TLS (RFC 6614) from NASes and CoA clients"),
  http: z
    .strictObject({
      address: z
        .string()
        .refine(isLoopback, "expected a loopback address")
        .default("127.0.0.1")
        .describe("loopback alone: the password, and what asks for mirroring, cross it in the clear"),
      port: listenPort.default(9466).describe("TCP port"),
      username: z
        .string()
        .regex(/^[^:]+$/, "expected a user name without ':'")
        .default("freeradius")
        .describe("of HTTP's basic authentication"),
      password: z.string().min(16, "expected a password of at least 16 characters").describe("the same"),
    })
    .optional()
    .describe("takes events from a FreeRADIUS on this host that needs no gateway in front of it"),
  holdMs: milliseconds.default(300).describe("how long an Access-Accept waits for agents, at most"),
  hold: z
    .enum(["intercepted", "all"])
    .default("intercepted")
    .describe("which Access-Accepts wait; all: nobody can tell by the time which are mirrored"),
  coaTimeoutMs: milliseconds.default(2000).describe("how long a CoA- or Disconnect-Request waits for agents, at most"),
  resultWindowMs: milliseconds
    .default(50)
    .describe('after the first answer that is not "applied": how long to wait for those of other agents'),
  saltAuthenticator: saltAuthenticator
    .default("zero")
    .describe(
      "what senders of CoA-Requests salt-encrypt with in place of a request authenticator: zeros as FreeRADIUS, or the packet's",
    ),
  eventTimestampWindowSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(300)
    .describe("requests with an Event-Timestamp further off are discarded (RFC 5176 section 6.3)"),
  accounting: z
    .enum(["relay", "answer"])
    .default("relay")
    .describe("relay: to the upstream servers, whose answer is waited for; answer: the gateway answers alone"),
  upstreamTimeoutMs: milliseconds
    .default(1000)
    .describe("how long an upstream server, or a NAS, may take before the next one is asked, or the same again"),
  upstreamAttempts: z.int().min(1).max(10).default(4).describe("packets that are sent for one request at most"),
  healthIntervalMs: milliseconds
    .default(5000)
    .describe("how often servers that were not heard of are asked whether they are alive"),
  storeTimeoutMs: milliseconds
    .default(1000)
    .describe("how long the bus may take to store an event before the spool takes over"),
  spool: z
    .strictObject({
      directory: z.string().min(1, "expected a directory").describe("of this gateway alone"),
      maxBytes: z
        .int()
        .min(65_536, "expected at least 65536 bytes")
        .default(268_435_456)
        .describe("what does not fit is lost, and counted"),
    })
    .optional()
    .describe(
      "where events wait while the bus is away; absent: logins go on, and accounting is not acknowledged until it is back",
    ),
  dictionaries: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "FreeRADIUS dictionary files that are read after the shipped ones, such as /usr/share/freeradius/dictionary",
    ),
  nokia: z
    .strictObject({
      services: z
        .record(
          z.string(),
          z.strictObject({
            address: address.describe("of the mediation device"),
            port: port.describe("its UDP port"),
          }),
        )
        .default({})
        .describe("mediation devices by the mirror destination service that Alc-LI-Destination names"),
      defaultPort: port.optional().describe("UDP port where Alc-LI-Destination is an address alone"),
    })
    .prefault({})
    .describe("what Nokia's LI attributes leave open"),
});

export const radiusConfigSchema = radius
  .refine((it) => it.clients.length > 0 || it.radsec !== undefined || it.http !== undefined, {
    path: ["clients"],
    error: "expected at least one client (NAS), here or in radsec.clients, or http",
  })
  .refine((it) => it.upstreams.length > 0 || (it.clients.length === 0 && it.radsec === undefined), {
    path: ["upstreams"],
    error: "expected at least one upstream RADIUS server",
  });

/** What is in force, defaults filled in. */
export type RadiusConfig = z.output<typeof radiusConfigSchema>;
/** What people write. */
export type RadiusConfigInput = z.input<typeof radiusConfigSchema>;
export type ClientConfig = RadiusConfig["clients"][number];
export type UpstreamConfig = RadiusConfig["upstreams"][number];
export type RadsecConfig = NonNullable<RadiusConfig["radsec"]>;
export type CoaClientConfig = RadiusConfig["coaClients"][number];
