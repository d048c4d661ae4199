/** Session records as they are stored: JSON, checked when it is read back, since others may write the bucket too. */
import { instructionFromObject, type Mandate } from "../events/li.js";
import { isObject } from "../events/parse.js";
import { nasToken } from "../events/subjects.js";
import {
  ADDRESS_ATTRIBUTES,
  IDENTITY_ATTRIBUTES,
  type KeptAttribute,
  type KeptAttributes,
  makeSession,
  NO_INTERCEPTS,
  type Session,
  type SessionIntercept,
} from "./session.js";

const VERSION = 1;
const KEPT_ATTRIBUTES: readonly KeptAttribute[] = [...IDENTITY_ATTRIBUTES, ...ADDRESS_ATTRIBUTES];
const KEPT: ReadonlySet<string> = new Set(KEPT_ATTRIBUTES);

/** The key `<nas>.<session>` of a record; a session without Acct-Session-Id goes by the event that began it. */
export function recordKey(session: Session): string {
  const name =
    session.acctSessionId === undefined ? `accept/${keyToken(session.createdBy)}` : keyToken(session.acctSessionId);
  return `${recordKeyPrefix(session.nas)}${name}`;
}

/** What the keys of all sessions of the NAS begin with. */
export function recordKeyPrefix(nas: string): string {
  return `${keyToken(nasToken(nas))}.`;
}

/** Text as one token of a key: as it is where its characters allow it, else in base64url behind a '='. */
function keyToken(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : `=${Buffer.from(text).toString("base64url")}`;
}

export function encodeRecord(session: Session): Uint8Array {
  // What is ordered by warrant follows from the warrants, wherever the session is read.
  const intercepts = session.intercepts.filter(({ origin }) => origin === "radius");
  return Buffer.from(JSON.stringify({ v: VERSION, ...session, intercepts }));
}

/** Undefined where the bytes are no record that this version understands. */
export function decodeRecord(data: Uint8Array): Session | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
    return isObject(value) && value.v === VERSION ? sessionFrom(value) : undefined;
  } catch {
    return undefined;
  }
}

function sessionFrom(value: Readonly<Record<string, unknown>>): Session | undefined {
  const { nas, acctSessionId, createdBy, attributes, lost, seq, intercepts } = value;
  if (typeof nas !== "string" || typeof createdBy !== "string" || typeof lost !== "string") return undefined;
  if (acctSessionId !== undefined && typeof acctSessionId !== "string") return undefined;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || !Array.isArray(intercepts) || !isObject(attributes))
    return undefined;
  const read = interceptsFrom(intercepts);
  if (read === undefined) return undefined;
  return makeSession({ nas, acctSessionId, createdBy, attributes: keptFrom(attributes), lost, seq, intercepts: read });
}

function interceptsFrom(values: readonly unknown[]): readonly SessionIntercept[] | undefined {
  if (values.length === 0) return NO_INTERCEPTS;
  const read = values.map((value) => (isObject(value) ? interceptFrom(value) : undefined));
  return read.includes(undefined) ? undefined : read.filter((intercept) => intercept !== undefined);
}

/** What this program has stored holds nothing else, and is taken as it is: of a million sessions one object less each. */
function keptFrom(attributes: Readonly<Record<string, unknown>>): KeptAttributes {
  for (const name in attributes)
    if (!KEPT.has(name) || typeof attributes[name] !== "string") return onlyKept(attributes);
  return attributes;
}

function onlyKept(attributes: Readonly<Record<string, unknown>>): KeptAttributes {
  const kept: Partial<Record<KeptAttribute, string>> = {};
  for (const name of KEPT_ATTRIBUTES) {
    const value = attributes[name];
    if (typeof value === "string") kept[name] = value;
  }
  return kept;
}

function interceptFrom(value: Readonly<Record<string, unknown>>): SessionIntercept | undefined {
  const { key, origin, interceptId, sessionId, source, failed } = value;
  if (typeof key !== "string" || origin !== "radius" || !isId(interceptId)) return undefined;
  if (sessionId !== undefined && !isId(sessionId)) return undefined;
  if (source !== "radiusLogin" && source !== "radiusCoa") return undefined;
  const order = instructionFromObject(value.order);
  const mandate = mandateFrom(value.mandate);
  return { key, origin, order, interceptId, sessionId, source, mandate, failed: failed === true };
}

function mandateFrom(value: unknown): Mandate | undefined {
  if (!isObject(value) || typeof value.notAfter !== "number") return undefined;
  const { order, by, notAfter } = value;
  return {
    ...(typeof order === "string" && { order }),
    ...(Array.isArray(by) && { by: by.filter((name) => typeof name === "string") }),
    notAfter,
  };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}
