/** From what an authority types to an order. Pure. */
import { randomUUID } from "node:crypto";
import { EventError } from "../events/errors.js";
import { checkOrder, instructionFromObject } from "../events/li.js";
import { parseTime } from "../events/time.js";
import { canonicalBytes } from "../security/canonical.js";
import { SecurityError } from "../security/errors.js";
import { parseOrder, TASK_ID, type TaskAction, type TaskOrder } from "../security/orders/payload.js";
import { SUBJECT_KINDS, type SubjectKind } from "../security/orders/warrant.js";
import { TaskingError } from "./errors.js";

/** As commander gives them: names of long options in camel case. */
export interface TaskOptions {
  readonly id?: string;
  readonly reference?: string;
  readonly userName?: string;
  readonly callingStationId?: string;
  readonly nasPortId?: string;
  readonly circuitId?: string;
  readonly remoteId?: string;
  readonly address?: string;
  readonly acctSessionId?: string;
  readonly nas?: string;
  readonly mediation?: string;
  readonly interceptId?: string;
  readonly direction?: string;
  readonly header?: string;
  readonly dscp?: string;
  readonly from?: string;
  readonly until?: string;
  readonly for?: string;
  /** Contents of the file of further terms. */
  readonly terms?: Readonly<Record<string, unknown>>;
}

const OPTION_OF_SUBJECT: Readonly<Record<SubjectKind, keyof TaskOptions>> = {
  "user-name": "userName",
  "calling-station-id": "callingStationId",
  "nas-port-id": "nasPortId",
  "circuit-id": "circuitId",
  "remote-id": "remoteId",
  address: "address",
  "acct-session-id": "acctSessionId",
};

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS, w: 7 * 24 * HOUR_MS };
/** Clocks of others may be behind ours. */
const BEFORE_MS = 60_000;

/** `maxDurationMs`: how long an order without an end may be in force. Throws TaskingError. */
export function buildOrder(action: TaskAction, options: TaskOptions, now: number, maxDurationMs: number): TaskOrder {
  const task = options.id ?? (action === "activate" ? `t-${randomUUID().slice(0, 8)}` : undefined);
  if (task === undefined || !TASK_ID.test(task)) {
    throw new TaskingError("--id must name the task: 1 to 64 letters, digits, '-' and '_'");
  }
  const frame = { v: 1, kind: "task", id: randomUUID(), notBefore: now - BEFORE_MS, task, serial: now } as const;
  if (action === "deactivate") return { ...frame, action, notAfter: now + maxDurationMs };
  const { li, ends } = buildInstruction(options, now);
  const warrant = { reference: options.reference ?? missing("--reference"), subject: buildSubject(options), li };
  // An order can be taken for as long as its warrant lasts, by nodes that come later, too; no longer than the agents allow.
  const notAfter = Math.min(ends ?? Infinity, frame.notBefore + maxDurationMs);
  return checked({ ...frame, action, notAfter, warrant });
}

function buildSubject(options: TaskOptions): object {
  const given = SUBJECT_KINDS.filter((kind) => options[OPTION_OF_SUBJECT[kind]] !== undefined);
  const [by] = given;
  if (by === undefined || given.length > 1) {
    throw new TaskingError(`one subject is expected: ${SUBJECT_KINDS.map((kind) => `--${kind}`).join(", ")}`);
  }
  return { by, value: options[OPTION_OF_SUBJECT[by]], ...(options.nas !== undefined && { nas: options.nas }) };
}

function buildInstruction(options: TaskOptions, now: number): { li: object; ends: number | undefined } {
  const begins = time("--from", options.from);
  const ends = endOf(options, begins ?? now);
  const li = {
    ...options.terms,
    action: "on",
    handle: handleOf(options.interceptId ?? missing("--intercept-id")),
    mediation: mediationOf(options.mediation ?? missing("--mediation")),
    ...(options.direction !== undefined && { direction: options.direction }),
    ...(options.header !== undefined && { header: options.header }),
    ...(options.dscp !== undefined && { dscp: Number(options.dscp) }),
    ...(begins !== undefined && { notBefore: new Date(begins).toISOString() }),
    ...(ends !== undefined && { notAfter: new Date(ends).toISOString() }),
  };
  try {
    return { li: checkOrder(instructionFromObject(li)), ends };
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    throw new TaskingError(error.message);
  }
}

function endOf(options: TaskOptions, begins: number): number | undefined {
  if (options.for === undefined) return time("--until", options.until);
  if (options.until !== undefined) throw new TaskingError("--for and --until mean the same: give one of them");
  const parts = /^(\d{1,5})([mhdw])$/.exec(options.for);
  const unit = UNITS[parts?.[2] ?? ""];
  if (unit === undefined) throw new TaskingError("--for must be a duration, such as 12h, 30d or 4w");
  return begins + Number(parts?.[1]) * unit;
}

function time(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = parseTime(text);
  if (at === undefined) throw new TaskingError(`${option} must be RFC 3339 in UTC, such as 2026-11-22T07:00:00Z`);
  return at;
}

/** Decimal or 0x..., 30 bits; the session id is left to each session. */
function handleOf(text: string): string {
  const id = /^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(id) || id > 0x3fff_ffff) {
    throw new TaskingError("--intercept-id must be a number of at most 30 bits, such as 4660 or 0x1234");
  }
  return (0x4000_0000 + id).toString(16);
}

function mediationOf(text: string): object {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})(?:\/(\d{1,5}))?$/.exec(text);
  if (parts === null) {
    throw new TaskingError(
      "--mediation must be address:port, such as 198.51.100.9:30030 or [2001:db8::9]:30030; address:port/port tells the directions apart",
    );
  }
  const [, ipv6, ipv4, port, portTo] = parts;
  return { address: ipv6 ?? ipv4, port: Number(port), ...(portTo !== undefined && { portTo: Number(portTo) }) };
}

function checked(order: object): TaskOrder {
  try {
    const read = parseOrder(canonicalBytes(order));
    if (read.kind === "task") return read;
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    throw new TaskingError(error.message);
  }
  throw new TaskingError("this is no order of a task");
}

function missing(option: string): never {
  throw new TaskingError(`${option} is missing`);
}
