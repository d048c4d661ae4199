/**
 * What stands on the bus, as schemas: for publishers, and for the reference. They refuse nothing that the parser takes;
 * what they take and the parser does not (an address that is no unicast address) is said in words.
 */
import { z } from "zod";
import type { DeadLetter } from "../../src/agent/dead-letters.js";
import { LI_EVENT_KINDS, type LiEvent, TRIGGER_TYPES } from "../../src/events/li-event.js";
import { DEAD_LETTER_REASONS } from "../../src/events/subjects.js";
import { ERROR_CAUSE, type EventResult, type LiInstruction, RADIUS_EVENT_TYPES } from "../../src/events/types.js";
import { MAX_TERMS } from "../../src/intercepts/drop-policy.js";

/** A field that the code has and the schema lacks does not compile, nor the other way round. */
type Shape<Keys extends string> = Record<Keys, z.ZodType>;

const byte = (most: number) => z.int().min(0).max(most);
const port = z.int().min(1).max(65_535);
const text = z.string();
const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]00:00)$/)
  .describe("RFC 3339, UTC");
const direction = z.enum(["both", "from", "to"]).describe("as seen from the subscriber");
const ports = z.tuple([byte(65_535), byte(65_535)]);

const dropTerm = z
  .strictObject({
    source: text.optional().describe("CIDR"),
    destination: text.optional().describe("CIDR"),
    sourcePorts: ports.optional().describe("first and last"),
    destinationPorts: ports.optional().describe("first and last"),
    protocol: byte(255).optional().describe("of IP"),
    dscp: byte(63).optional(),
  })
  .describe("packets that fit all of it are left out of the mirror");

const match = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.enum(["ipv4", "ipv6"]), prefix: text.describe("CIDR, host bits zero") }),
  z.strictObject({ kind: z.literal("interface"), name: text }),
  z.strictObject({
    kind: z.literal("vlan"),
    svlan: z.int().min(1).max(4094),
    cvlan: z.int().min(1).max(4094).optional(),
  }),
  z.strictObject({ kind: z.literal("pppoe"), sessionId: z.int().min(1).max(0xfffe), mac: text }),
]);

const mediation = z.strictObject({
  address: text.describe("IPv4 or IPv6, unicast"),
  port: port.describe("UDP"),
  portTo: port.optional().describe("of packets to the subscriber, where the receiver tells directions by port"),
});

export const instructionSchema = z.strictObject({
  action: z.enum(["on", "off", "noop"]).describe("noop: a decoy, which is answered and does nothing"),
  handle: z
    .string()
    .regex(/^(0[xX])?([0-3][0-9a-fA-F]{15}|[4-7][0-9a-fA-F]{7})$/)
    .describe("ERX-Med-Dev-Handle in hex: 8 bytes (intercept id, session id), or 4 bytes (intercept id)"),
  mediation: mediation.describe("where copies go; a stop repeats what is in force"),
  direction: direction.optional().describe("as seen from the subscriber; absent: both"),
  header: z.enum(["junos", "nokia"]).optional().describe("in front of copies; absent: that of the configuration"),
  notBefore: time.optional().describe("RFC 3339, UTC: mirrored from then on"),
  notAfter: time.optional().describe("RFC 3339, UTC: no longer mirrored then"),
  dscp: byte(63).optional().describe("outer DSCP"),
  dropPolicy: z.array(dropTerm).min(1).max(MAX_TERMS).optional().describe("what is left out; no two terms alike"),
  rate: z
    .strictObject({ bytesPerSecond: z.int().min(1), burstBytes: z.int().min(1) })
    .optional()
    .describe("what copies may take; the rest is dropped and counted"),
  snapLength: z
    .int()
    .min(68)
    .max(65_535)
    .optional()
    .describe("bytes of each packet that are kept, from its IP header on"),
  multicast: z.boolean().optional().describe("also packets to groups that a match by link finds"),
  match: z.array(match).min(1).max(16).optional().describe("by what else a packet is the subscriber's"),
  zone: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/)
    .optional()
    .describe("one of interfaces.zones"),
} satisfies Shape<keyof LiInstruction>);

const nas = z.string().min(1).max(253).describe("NAS-Identifier, else NAS-IP-Address");
const attribute = z.string().max(8192);

const plainData = z.object({
  nas,
  attributes: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$/), z.union([attribute, z.array(attribute).max(256)]))
    .describe("RADIUS attributes by FreeRADIUS dictionary name; one that occurs several times is an array"),
  li: z
    .union([instructionSchema, z.string().min(1).max(16_384)])
    .optional()
    .describe(
      "in access-accept and coa alone: what is to be done about mirroring; in strict mode signed text; absent where the vendor's own attributes (ERX-LI-Action, Alc-LI-Action) are in attributes",
    ),
});

const sealedData = z.object({
  nas,
  sealed: z.string().describe("strict mode: attributes and li, sealed for the agents; base64url"),
});

export const eventSchema = z.object({
  specversion: z.literal("1.0").describe("CloudEvents"),
  id: z
    .string()
    .regex(/^[!-)+\-/-=?-~]{1,128}$/)
    .describe("also the Nats-Msg-Id; a token of a subject"),
  source: z.string().min(1).describe("radius/<nas>"),
  type: z.enum(RADIUS_EVENT_TYPES.map((type) => `radius.${type}` as const)).describe("what happened"),
  time: time.describe("when it happened at the NAS; RFC 3339, UTC"),
  datacontenttype: z.literal("application/json").optional(),
  data: z.union([sealedData, plainData]),
});

export const resultSchema = z.object({
  node: text.describe("who answers"),
  event: text.describe("id of the event that is answered"),
  result: z.enum(["applied", "noop", "stopped", "unknown-session", "rejected"]),
  errorCause: z
    .literal(Object.values(ERROR_CAUSE))
    .optional()
    .describe("Error-Cause of RFC 5176, with unknown-session and rejected"),
  detail: text.optional().describe("one sentence that names the field, never the subject"),
} satisfies Shape<keyof EventResult>);

export const notificationSchema = z.object({
  node: text,
  kind: z.enum(LI_EVENT_KINDS),
  time: z.int().describe("Unix time in milliseconds"),
  sealed: z.string().optional().describe("strict mode: all that follows, sealed for notifications.readers; base64url"),
  configurationSource: z.enum(["radiusLogin", "radiusCoa", "warrant"]).optional(),
  trigger: z
    .object({ type: z.enum(TRIGGER_TYPES), value: text })
    .optional()
    .describe("by what the subject was found"),
  interceptId: z.int().optional(),
  sessionId: z.int().optional(),
  direction: direction.optional(),
  targetAddresses: z.array(text).optional().describe("prefixes of the subscriber, CIDR"),
  analyzerAddress: text.optional().describe("mediation device"),
  nas: text.optional(),
  acctSessionId: text.optional(),
  userName: text.optional(),
  callingStationId: text.optional(),
  errorCause: z.literal(Object.values(ERROR_CAUSE)).optional(),
  terminationReason: text.optional().describe("Acct-Terminate-Cause, or why the session ended without one"),
  inputOctets: text.optional().describe("of the session, as the NAS counted; decimal"),
  outputOctets: text.optional(),
} satisfies Shape<keyof LiEvent | "node" | "sealed">);

export const deadLetterSchema = z.object({
  node: text,
  reason: z.enum(DEAD_LETTER_REASONS).describe("cannot be read; may not be read; a fault of ours"),
  field: text.optional().describe("of the event; absent where none could be read"),
  detail: text.describe("one sentence that names the field, never the subject"),
  subject: text.describe("where the event came from"),
  seq: z.int().describe("its sequence in the stream RADIUS"),
  event: text.describe("as it came, base64"),
} satisfies Shape<keyof DeadLetter>);
