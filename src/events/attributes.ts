import { EventError } from "./errors.js";
import type { RadiusAttributes } from "./types.js";

/** Every value of an attribute; none where it is absent. Only own properties count: the object came from JSON. */
export function valuesOf(attributes: RadiusAttributes, name: string): readonly string[] {
  if (!Object.hasOwn(attributes, name)) return [];
  const value = attributes[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** The value of an attribute that may occur once. Throws EventError where it occurs more often. */
export function valueOf(attributes: RadiusAttributes, name: string): string | undefined {
  if (!Object.hasOwn(attributes, name)) return undefined;
  const value = attributes[name];
  if (value === undefined || typeof value === "string") return value;
  if (value.length > 1) throw new EventError(name, `${name} must occur once`);
  return value[0];
}
