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

const listen = z.strictObject({
  /** On a machine with several addresses name them: answers then leave from the address that was asked. */
  addresses: z.array(address).min(1, "expected at least one address").default(["0.0.0.0"]),
  auth: listenPort.default(1812),
  accounting: listenPort.default(1813),
  coa: listenPort.default(3799),
});

/** Where a NAS takes CoA- and Disconnect-Requests itself. */
const nasCoa = z.strictObject({ address, port: port.default(3799), secret });

const tlsFiles = {
  certificate: z.string().min(1, "expected a PEM file"),
  key: z.string().min(1, "expected a PEM file"),
  /** Authorities that the other side's certificate must come from. */
  ca: z.string().min(1, "expected a PEM file"),
};

const radsecClient = z.strictObject({
  name,
  /** A DNS name in the peer's certificate, or its common name where it has none. */
  certificateName: z.string().min(1, "expected the name in the peer's certificate"),
  nasIdentifier: z.string().min(1).max(253).optional(),
  /** Whether the peer may send CoA- and Disconnect-Requests. */
  coa: z.boolean().default(false),
});

const client = z.strictObject({
  name,
  address: prefix,
  secret,
  /** The only NAS-Identifier that this client may use. Absent: any. */
  nasIdentifier: z.string().min(1).max(253).optional(),
  /** Addresses by which a CoA may name this NAS, besides `address` where that is one address. */
  nasAddresses: z.array(address).default([]),
  /** CVE-2024-3596: Access-Requests without Message-Authenticator are dropped. */
  requireMessageAuthenticator: z.boolean().default(true),
  /** Where CoA- and Disconnect-Requests for this NAS are relayed, without the LI attributes. */
  coa: nasCoa.optional(),
});

const plainUpstream = z.strictObject({
  name,
  address,
  /** Needed without RadSec, whose secret is always "radsec" (RFC 6614 section 2.3). */
  secret: secret.optional(),
  auth: port.default(1812),
  accounting: port.default(1813),
  /** Drops replies to Access-Requests that have none. Off, they are counted. */
  requireMessageAuthenticator: z.boolean().default(false),
  /** How a server is seen to be alive when no request has told lately: by RFC 5997, or not at all. */
  healthCheck: z.enum(["status-server", "none"]).default("status-server"),
  /** RADIUS over TLS in place of UDP. */
  radsec: z
    .strictObject({
      port: port.default(2083),
      /** The DNS name in the server's certificate. */
      serverName: z.string().min(1, "expected the DNS name in the server's certificate"),
      ...tlsFiles,
    })
    .optional(),
});

const upstream = plainUpstream.refine((it) => it.secret !== undefined || it.radsec !== undefined, {
  path: ["secret"],
  error: "expected a shared secret, or radsec",
});

const coaClient = z.strictObject({
  name,
  address: prefix,
  secret,
  requireMessageAuthenticator: z.boolean().default(false),
  /** Overrides `radius.saltAuthenticator` for this client. */
  saltAuthenticator: saltAuthenticator.optional(),
});

const radius = z.strictObject({
  listen: listen.prefault({}),
  /** The NAS that a request belongs to which names none. */
  nas: z.strictObject({ identifier: z.string().min(1).max(253) }).optional(),
  clients: z.array(client).default([]).refine(uniqueNames, UNIQUE),
  upstreams: z.array(upstream).default([]).refine(uniqueNames, UNIQUE),
  /** Who may send CoA- and Disconnect-Requests. */
  coaClients: z.array(coaClient).default([]).refine(uniqueNames, UNIQUE),
  /** RADIUS over TLS (RFC 6614) from NASes and CoA clients. */
  radsec: z
    .strictObject({
      addresses: z.array(address).min(1, "expected at least one address").default(["0.0.0.0"]),
      port: listenPort.default(2083),
      ...tlsFiles,
      clients: z.array(radsecClient).min(1, "expected at least one client").refine(uniqueNames, UNIQUE),
    })
    .optional(),
  /** Takes events from a FreeRADIUS on this host that needs no gateway in front of it. */
  http: z
    .strictObject({
      /** On loopback alone: the password, and what asks for mirroring, cross it in the clear. */
      address: z.string().refine(isLoopback, "expected a loopback address").default("127.0.0.1"),
      port: listenPort.default(9466),
      username: z
        .string()
        .regex(/^[^:]+$/, "expected a user name without ':'")
        .default("freeradius"),
      password: z.string().min(16, "expected a password of at least 16 characters"),
    })
    .optional(),
  /** How long an Access-Accept waits for agents, at most. */
  holdMs: milliseconds.default(300),
  /** Which Access-Accepts wait. */
  hold: z.enum(["intercepted", "all"]).default("intercepted"),
  /** How long a CoA- or Disconnect-Request waits for agents, at most. */
  coaTimeoutMs: milliseconds.default(2000),
  /** After the first answer that is not "applied": how long to wait for those of other agents. */
  resultWindowMs: milliseconds.default(50),
  /** What senders of CoA-Requests salt-encrypt with in place of a request authenticator: zeros as FreeRADIUS, or the packet's. */
  saltAuthenticator: saltAuthenticator.default("zero"),
  /** Requests with an Event-Timestamp further off are discarded (RFC 5176 section 6.3). */
  eventTimestampWindowSeconds: z.int().min(1).max(86_400).default(300),
  /** `relay`: to the upstream servers, whose answer is waited for. `answer`: the gateway answers alone. */
  accounting: z.enum(["relay", "answer"]).default("relay"),
  /** How long an upstream server, or a NAS, may take before the next one is asked, or the same again. */
  upstreamTimeoutMs: milliseconds.default(1000),
  /** Packets that are sent for one request at most. */
  upstreamAttempts: z.int().min(1).max(10).default(4),
  /** How often servers that were not heard of are asked whether they are alive. */
  healthIntervalMs: milliseconds.default(5000),
  /** How long the bus may take to store an event before the spool takes over. */
  storeTimeoutMs: milliseconds.default(1000),
  /** Where events wait while the bus is away. Absent: logins go on, and accounting is not acknowledged until it is back. */
  spool: z
    .strictObject({
      directory: z.string().min(1, "expected a directory"),
      maxBytes: z.int().min(65_536, "expected at least 65536 bytes").default(268_435_456),
    })
    .optional(),
  /** FreeRADIUS dictionary files that are read after the shipped ones, such as /usr/share/freeradius/dictionary. */
  dictionaries: z.array(z.string().min(1)).default([]),
  nokia: z
    .strictObject({
      /** Mediation devices by the mirror destination service that Alc-LI-Destination names. */
      services: z.record(z.string(), z.strictObject({ address, port })).default({}),
      /** UDP port where Alc-LI-Destination is an address alone. */
      defaultPort: port.optional(),
    })
    .prefault({}),
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
