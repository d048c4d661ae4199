/** What the checks of an intercept's parts share. Each throws InterceptError: one sentence, the field, never the value. */
import { type IpPrefix, parsePrefix } from "../net/addresses.js";
import { InterceptError } from "./errors.js";

/** Both ends included. */
export function wholeNumber(value: number, low: number, high: number, field: string): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new InterceptError(field, `${field} must be a whole number from ${low} to ${high}`);
}

/** CIDR, or an address alone for the one host; host bits must be zero. */
export function prefixOf(text: string, field: string): IpPrefix {
  const prefix = parsePrefix(text);
  if ("problem" in prefix) throw new InterceptError(field, `${field} ${prefix.problem}`);
  return prefix;
}
