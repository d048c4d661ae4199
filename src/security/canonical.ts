/**
 * JSON in one form only, so that equal contents are equal bytes and a signature covers what is read: keys in the order of
 * their UTF-16 code units, no white space, integers alone as numbers (RFC 8785 without floating point).
 */
import { SecurityError } from "./errors.js";

/** Throws TypeError for what has no canonical form: that is a fault of the caller. Members that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TypeError("canonical JSON holds safe integers alone");
    // -0 and 0 are equal, and so must their bytes be.
    return String(value === 0 ? 0 : value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") return canonicalObject(value as Readonly<Record<string, unknown>>);
  throw new TypeError(`canonical JSON has no form for a ${typeof value}`);
}

export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value), "utf8");
}

/** Reads bytes that must be canonical. Throws SecurityError: a second form of the same contents is refused. */
export function parseCanonical(bytes: Uint8Array, what: string): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  let value: unknown;
  let again: string;
  try {
    value = JSON.parse(text);
    again = canonicalJson(value);
  } catch {
    throw new SecurityError("malformed", `${what} must be canonical JSON`);
  }
  if (again !== text) throw new SecurityError("malformed", `${what} must be canonical JSON`);
  return value;
}

function canonicalObject(object: Readonly<Record<string, unknown>>): string {
  const members: string[] = [];
  for (const key of Object.keys(object).toSorted()) {
    const value = object[key];
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(value)}`);
  }
  return `{${members.join(",")}}`;
}
