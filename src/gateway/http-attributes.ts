/** What FreeRADIUS's rlm_rest and rlm_json post, as the attributes of an event. Pure. */
import type { RadiusAttributes } from "../events/types.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import { LI_ATTRIBUTE_NAMES, type LiValues } from "../radius/li.js";
import { isNameable } from "../radius/names.js";
import { valueFromText, valueToText } from "../radius/values.js";

/** A body that is not what this end point takes. The message says what was expected, and quotes nothing. */
export class HttpBodyError extends Error {
  override readonly name = "HttpBodyError";
}

export interface PostedLogin {
  readonly attributes: RadiusAttributes;
  readonly li: LiValues | undefined;
}

/** `{"request": {...}, "reply": {...}}`: an attribute of the reply wins over one of the request. Throws HttpBodyError. */
export function readPosted(text: string, dictionary: Dictionary): PostedLogin {
  const body = parsed(text);
  const undo = isEscapedTwice(body.request) ? unescaped : (value: string) => value;
  const lists = ["request", "reply"].map((list) => valuesIn(body[list], list, undo));
  const all = new Map(lists.flatMap((values) => [...values]));
  const attributes: Record<string, string | string[]> = {};
  const li: Record<string, readonly string[]> = {};
  for (const [name, texts] of all) {
    if (LI_ATTRIBUTE_NAMES.has(name)) li[name] = texts;
    else if (isShown(name, dictionary)) attributes[name] = one(texts.map((each) => canonical(name, each, dictionary)));
  }
  return { attributes, li: Object.keys(li).length === 0 ? undefined : li };
}

/** The sections in docs/radius.md put "/" into this attribute. */
const CANARY = "Tmp-String-9";

/** rlm_json of FreeRADIUS 3.2.1 escapes text twice: `/` arrives as `\/`, and so does every `"` and `\`. */
function isEscapedTwice(request: unknown): boolean {
  return isObject(request) && request[CANARY] === "\\/";
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new HttpBodyError("the body is not JSON");
  }
  if (!isObject(body) || !isObject(body.request)) {
    throw new HttpBodyError('the body is not {"request": {...}, "reply": {...}}');
  }
  return body;
}

function valuesIn(list: unknown, name: string, undo: (text: string) => string): Map<string, readonly string[]> {
  if (list === undefined) return new Map();
  if (!isObject(list)) throw new HttpBodyError(`"${name}" is not an object of attributes`);
  return new Map(
    Object.entries(list).map(([attribute, value]) => [attribute, textsOf(value).map((text) => undo(text))]),
  );
}

/** A value, several, or rlm_json's `{"type": ..., "value": ...}`. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => textsOf(each));
  if (isObject(value) && "value" in value) return textsOf(value.value);
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  throw new HttpBodyError("an attribute's value is neither text nor a number, nor several of them");
}

/** FreeRADIUS has many attributes of its own, passwords among them: only what is on the wire, and no secret, is passed on. */
function isShown(name: string, dictionary: Dictionary): boolean {
  const place = dictionary.byName.get(name);
  return place !== undefined && isNameable(place);
}

/** Names of numbers, dates and addresses as the gateway writes them itself. */
function canonical(name: string, text: string, dictionary: Dictionary): string {
  const definition = dictionary.byName.get(name)?.definition;
  if (definition === undefined || definition.type === "string") return text;
  try {
    return valueToText(definition, valueFromText(definition, text));
  } catch (error) {
    if (!(error instanceof RadiusError)) throw error;
    return text;
  }
}

function one(texts: string[]): string | string[] {
  return texts.length === 1 ? (texts[0] as string) : texts;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
