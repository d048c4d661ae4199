/** A warrant: whom to mirror, to where, from when until when. The subject is named by what outlives a session, or by one session. */
import { z } from "zod";
import { mediationAddress } from "../../intercepts/mediation.js";
import { formatPrefix, parsePrefix } from "../../net/addresses.js";

export const SUBJECT_KINDS = [
  "user-name",
  "calling-station-id",
  "nas-port-id",
  "circuit-id",
  "remote-id",
  "address",
  "acct-session-id",
] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** Ports and session ids are counted by each NAS on its own. */
const ONE_NAS_ONLY: ReadonlySet<SubjectKind> = new Set(["nas-port-id", "acct-session-id"]);

const time = z.int().min(0).max(8.64e15);
const port = z.int().min(1).max(65_535);
const dscp = z.int().min(0).max(63);
const ports = z.tuple([z.int().min(0).max(65_535), z.int().min(0).max(65_535)]);
const prefix = z
  .string()
  .max(64)
  .transform((text, context) => {
    const parsed = parsePrefix(text);
    if (!("problem" in parsed)) return formatPrefix(parsed);
    context.addIssue({ code: "custom", message: parsed.problem });
    return z.NEVER;
  });

const subject = z
  .strictObject({
    by: z.enum(SUBJECT_KINDS),
    /** As RADIUS gives it; an address as a prefix in CIDR. */
    value: z.string().min(1).max(253),
    /** Absent: any NAS. */
    nas: z.string().min(1).max(253).optional(),
  })
  .refine(({ by, nas }) => nas !== undefined || !ONE_NAS_ONLY.has(by), { path: ["nas"], message: "is missing" })
  .transform((given, context) => {
    if (given.by !== "address") return given;
    const parsed = parsePrefix(given.value);
    if (!("problem" in parsed) && parsed.length > 0) return { ...given, value: formatPrefix(parsed) };
    context.addIssue({ code: "custom", path: ["value"], message: "must be an address or a prefix" });
    return z.NEVER;
  });

const mediation = z.strictObject({
  address: z.string().transform((text, context) => {
    try {
      return mediationAddress(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  }),
  port,
  portTo: port.optional(),
});

const dropTerm = z.strictObject({
  source: prefix.optional(),
  destination: prefix.optional(),
  sourcePorts: ports.optional(),
  destinationPorts: ports.optional(),
  protocol: z.int().min(0).max(255).optional(),
  dscp: dscp.optional(),
});

export const warrantSchema = z
  .strictObject({
    /** The paper's own number, for the record. */
    reference: z.string().min(1).max(128),
    subject,
    interceptId: z.int().min(0).max(0x3fff_ffff),
    mediation,
    direction: z.enum(["both", "from", "to"]).optional(),
    header: z.enum(["junos", "nokia"]).optional(),
    dscp: dscp.optional(),
    dropPolicy: z.array(dropTerm).max(16).optional(),
    snapLength: z.int().min(1).max(65_535).optional(),
    /** Unix time in milliseconds. Absent: from when the order is taken. */
    begins: time.optional(),
    /** Absent: as long as the authority may at most. */
    ends: time.optional(),
  })
  .refine(({ begins, ends }) => begins === undefined || ends === undefined || begins < ends, {
    path: ["ends"],
    message: "must be later than begins",
  })
  .refine(({ header, interceptId }) => header !== "nokia" || interceptId <= 0x1fff_ffff, {
    path: ["interceptId"],
    message: "must fit in 29 bits where the header is nokia",
  });

export type Warrant = z.output<typeof warrantSchema>;
export type WarrantSubject = Warrant["subject"];
