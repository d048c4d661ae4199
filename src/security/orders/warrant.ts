/** A warrant: whom to mirror, to where, from when until when. The subject is named by what outlives a session, or by one session. */
import { z } from "zod";
import { EventError } from "../../events/errors.js";
import { checkOrder, instructionFromObject } from "../../events/li.js";
import type { LiInstruction } from "../../events/types.js";
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

const subject = z
  .strictObject({
    by: z.enum(SUBJECT_KINDS),
    /** As RADIUS gives it; an address as a prefix in CIDR. */
    value: z.string().min(1).max(253),
    /** Absent: any NAS. */
    nas: z.string().min(1).max(253).optional(),
  })
  .refine(({ by, nas }) => nas !== undefined || !ONE_NAS_ONLY.has(by), {
    path: ["nas"],
    message: "is missing: a port or a session is one NAS's",
  })
  .transform((given, context) => {
    if (given.by !== "address") return given;
    const parsed = parsePrefix(given.value);
    if (!("problem" in parsed) && parsed.length > 0) return { ...given, value: formatPrefix(parsed) };
    context.addIssue({ code: "custom", path: ["value"], message: "must be an address or a prefix without host bits" });
    return z.NEVER;
  });

/**
 * `action` is "on". A handle of 4 bytes leaves the session id to each session: the intercept id stays, the session id
 * changes with each login. `notBefore` and `notAfter` are the warrant's validity.
 */
const instruction = z.unknown().transform((given, context): LiInstruction => {
  try {
    const li = checkOrder(instructionFromObject(given));
    if (li.action === "on") return li;
    context.addIssue({ code: "custom", path: ["action"], message: 'must be "on"' });
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
  return z.NEVER;
});

export const warrantSchema = z.strictObject({
  /** The paper's own number, for the record. */
  reference: z.string().min(1).max(128),
  subject,
  li: instruction,
});

export type Warrant = z.output<typeof warrantSchema>;
export type WarrantSubject = Warrant["subject"];
