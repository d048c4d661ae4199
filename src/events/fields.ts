/** Reading one field of an object that came from outside. Each throws EventError with the field's name. */
import { EventError } from "./errors.js";
import { ERROR_CAUSE } from "./types.js";

export type Fields = Readonly<Record<string, unknown>>;

/** An object that holds nothing but the `known` keys. */
export function objectWith(field: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EventError(field, `${field} must be an object`);
  }
  // An order that asks for more than this program understands must not be carried out in part.
  if (Object.keys(value).some((key) => !known.includes(key))) {
    throw new EventError(field, `${field} must hold nothing but ${known.join(", ")}`, ERROR_CAUSE.unsupportedAttribute);
  }
  return value as Fields;
}

export function string(field: string, value: unknown): string {
  if (typeof value !== "string") throw new EventError(field, `${field} must be a string`);
  return value;
}

export function number(field: string, value: unknown): number {
  if (typeof value !== "number") throw new EventError(field, `${field} must be a number`);
  return value;
}

export function boolean(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new EventError(field, `${field} must be true or false`);
  return value;
}

export function oneOf<const T extends string>(field: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw new EventError(field, `${field} must be one of ${allowed.join(", ")}`);
  return found;
}

/** `read` is given each entry with its name, such as `li.match[2]`. */
export function list<T>(field: string, value: unknown, most: number, read: (field: string, entry: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    throw new EventError(field, `${field} must be an array of 1 to ${most} entries`);
  return value.map((entry, index) => read(`${field}[${index}]`, entry));
}

/** What `read` makes of the key's value, under that key; nothing where there is none. */
export function optional<K extends string, T>(
  prefix: string,
  fields: Fields,
  key: K,
  read: (field: string, value: unknown) => T,
): { readonly [P in K]?: T } {
  const value = fields[key];
  return value === undefined ? {} : ({ [key]: read(`${prefix}.${key}`, value) } as { readonly [P in K]?: T });
}
