/** From the bytes of a message to a checked event. Everything here comes from outside: nothing but EventError is thrown. */
import { EventError } from "./errors.js";
import { type EventLi, parseLi } from "./li.js";
import { eventSubject } from "./subjects.js";
import { parseTime } from "./time.js";
import { ERROR_CAUSE, RADIUS_EVENT_TYPES, type RadiusAttributes, type RadiusEventType } from "./types.js";

/** An event whose envelope and attributes are checked; `li` carries its own verdict, since a login stays a login. */
export interface ParsedEvent {
  readonly id: string;
  readonly type: RadiusEventType;
  readonly nas: string;
  /** When it happened at the NAS: Unix time in milliseconds. */
  readonly time: number;
  readonly attributes: RadiusAttributes;
  readonly li: EventLi;
}

const MAX_BYTES = 256 * 1024;
const MAX_ATTRIBUTES = 512;
const MAX_VALUES = 256;
/** RADIUS values have 253 bytes; some dictionaries join several into one. */
const MAX_VALUE_LENGTH = 8192;
/** One token of a NATS subject: the result is published under it. */
const ID = /^[!-)+-\-/-=?-~]{1,128}$/;
const ATTRIBUTE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$/;

const TYPES: ReadonlyMap<string, RadiusEventType> = new Map(RADIUS_EVENT_TYPES.map((type) => [`radius.${type}`, type]));

/** Names that were found good before: dictionaries are finite, and looking is cheaper than matching. */
const knownNames = new Set<string>();
const MAX_KNOWN_NAMES = 4096;

export type JsonObject = Readonly<Record<string, unknown>>;

/** The part of an event that is in the clear always. */
export interface EventFrame {
  readonly id: string;
  /** `radius.<type>` */
  readonly type: string;
  readonly nas: string;
  /** As it stands in the event. */
  readonly time: string;
}

/** Gives the attributes and the instruction of an event's data, opened where they are sealed. Throws EventError. */
export type ContentsOpener = (
  data: JsonObject,
  frame: EventFrame,
) => { readonly attributes: unknown; readonly li?: unknown };

/**
 * Reads a CloudEvent of the stream. `subject` is the one it came on: a publisher that may write for one NAS only must
 * not speak for another in the body.
 */
export function parseEvent(bytes: Uint8Array, subject?: string, open: ContentsOpener = plainContents): ParsedEvent {
  const event = parseJson(bytes);
  const id = eventId(event);
  try {
    return parseEnvelope(id, event, subject, open);
  } catch (error) {
    if (error instanceof EventError) throw error.withEventId(id);
    throw error;
  }
}

/** Where nothing is sealed. */
export function plainContents(data: JsonObject): { readonly attributes: unknown; readonly li: unknown } {
  if (data.sealed !== undefined) {
    throw new EventError(
      "data.sealed",
      "data.sealed cannot be opened in security.mode lab: publish data.attributes, or set the mode to strict",
      ERROR_CAUSE.administrativelyProhibited,
    );
  }
  return { attributes: data.attributes, li: data.li };
}

function parseEnvelope(id: string, event: JsonObject, subject: string | undefined, open: ContentsOpener): ParsedEvent {
  if (event.specversion !== "1.0") throw new EventError("specversion", 'specversion must be "1.0"');
  if (typeof event.source !== "string" || event.source === "") {
    throw new EventError("source", "source must be a non-empty string, such as radius/bng1");
  }
  if (event.datacontenttype !== undefined && event.datacontenttype !== "application/json") {
    throw new EventError("datacontenttype", "datacontenttype must be application/json");
  }
  const type = typeof event.type === "string" ? TYPES.get(event.type) : undefined;
  if (type === undefined) throw new EventError("type", `type must be one of ${[...TYPES.keys()].join(", ")}`);
  const time = eventTime(event.time);
  if (!isObject(event.data)) throw new EventError("data", "data must be an object");
  const nas = nasName(event.data.nas);
  if (subject !== undefined && !isSubjectOf(subject, nas, type)) {
    throw new EventError("data.nas", "data.nas and type must be those of the subject that the event was published on");
  }
  const contents = open(event.data, { id, type: event.type as string, nas, time: event.time as string });
  const attributes = parseAttributes(contents.attributes);
  return { id, type, nas, time, attributes, li: parseLi(type, contents.li, attributes) };
}

/** The subject on which each NAS's events of a type came last; nearly all events come on one that did before. */
const knownSubjects = new Map<RadiusEventType, Map<string, string>>(
  RADIUS_EVENT_TYPES.map((type) => [type, new Map()]),
);
const MAX_KNOWN_SUBJECTS = 4096;

function isSubjectOf(subject: string, nas: string, type: RadiusEventType): boolean {
  const known = knownSubjects.get(type) as Map<string, string>;
  if (known.get(nas) === subject) return true;
  if (subject !== eventSubject(nas, type)) return false;
  if (known.size < MAX_KNOWN_SUBJECTS) known.set(nas, subject);
  return true;
}

function parseJson(bytes: Uint8Array): JsonObject {
  if (bytes.length > MAX_BYTES) throw new EventError("event", `an event must have at most ${MAX_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    throw new EventError("event", "the event must be JSON");
  }
  if (!isObject(value)) throw new EventError("event", "the event must be a JSON object (CloudEvents structured mode)");
  return value;
}

function eventId(event: JsonObject): string {
  if (typeof event.id !== "string" || !ID.test(event.id)) {
    throw new EventError("id", "id must be 1 to 128 printable ASCII characters without blank, '.', '*' and '>'");
  }
  return event.id;
}

function eventTime(value: unknown): number {
  const time = typeof value === "string" ? parseTime(value) : undefined;
  if (time === undefined) {
    throw new EventError("time", "time must be RFC 3339 in UTC, such as 2026-11-22T07:00:00.123Z");
  }
  return time;
}

function nasName(value: unknown): string {
  if (typeof value !== "string" || value === "" || value.length > 253) {
    throw new EventError("data.nas", "data.nas must be a string of 1 to 253 characters");
  }
  return value;
}

function parseAttributes(value: unknown): RadiusAttributes {
  if (!isObject(value)) throw new EventError("data.attributes", "data.attributes must be an object");
  let count = 0;
  // JSON gives own properties alone, and no others can be enumerated.
  for (const name in value) {
    const attribute = value[name];
    if (++count > MAX_ATTRIBUTES) {
      throw new EventError("data.attributes", `data.attributes must have at most ${MAX_ATTRIBUTES} attributes`);
    }
    if (!isAttributeName(name)) {
      throw new EventError("data.attributes", "data.attributes must have FreeRADIUS dictionary names as keys");
    }
    if (!isAttributeValue(attribute)) {
      const field = `data.attributes.${name}`;
      throw new EventError(
        field,
        `${field} must be a string or an array of strings, each of at most ${MAX_VALUE_LENGTH} characters`,
      );
    }
  }
  return value as RadiusAttributes;
}

function isAttributeName(name: string): boolean {
  if (knownNames.has(name)) return true;
  if (!ATTRIBUTE_NAME.test(name)) return false;
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.add(name);
  return true;
}

function isAttributeValue(value: unknown): boolean {
  if (typeof value === "string") return value.length <= MAX_VALUE_LENGTH;
  if (!Array.isArray(value) || value.length > MAX_VALUES) return false;
  return value.every((item) => typeof item === "string" && item.length <= MAX_VALUE_LENGTH);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
