/** How the attributes of an event become part of a session record. */
import { valueOf, valuesOf } from "../events/attributes.js";
import { EventError } from "../events/errors.js";
import type { RadiusAttributes } from "../events/types.js";
import { readAddresses } from "./addresses.js";
import { ADDRESS_ATTRIBUTES, IDENTITY_ATTRIBUTES, type KeptAttribute, type KeptAttributes } from "./session.js";

const HOST = "/32";

/**
 * The attributes of an event that sessions keep, canonical. `known`: those that the session has, which is what comes back
 * where the event says nothing else. Throws EventError where one is malformed.
 */
export function readKept(attributes: RadiusAttributes, known?: KeptAttributes): KeptAttributes {
  if (known !== undefined && repeats(attributes, known)) return known;
  const kept: Partial<Record<KeptAttribute, string>> = {};
  for (const name of IDENTITY_ATTRIBUTES) {
    // Class may occur several times (RFC 2865 section 5.25); the NAS returns all of them.
    const value = name === "Class" ? classOf(attributes) : valueOf(attributes, name);
    if (value !== undefined && value !== "") kept[name] = value;
  }
  for (const name of ADDRESS_ATTRIBUTES) {
    const value = readAddresses(name, attributes, known?.[name]);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Whether all that sessions keep of the event is known, to the letter: nearly every interim update is like that. */
function repeats(attributes: RadiusAttributes, known: KeptAttributes): boolean {
  if (attributes["Framed-IP-Netmask"] !== undefined) return false;
  for (const name of IDENTITY_ATTRIBUTES) {
    const value = attributes[name];
    if (value !== undefined && value !== "" && value !== known[name]) return false;
  }
  for (const name of ADDRESS_ATTRIBUTES) {
    const value = attributes[name];
    if (value === undefined || value === known[name]) continue;
    if (name !== "Framed-IP-Address" || typeof value !== "string" || !isHostOf(value, known[name] ?? "")) return false;
  }
  return true;
}

/** Whether `prefix` is `address` and `/32`. */
function isHostOf(address: string, prefix: string): boolean {
  return prefix.length === address.length + HOST.length && prefix.startsWith(address) && prefix.endsWith(HOST);
}

/** Acct-Session-Id, undefined where it is absent or empty. Throws EventError where it occurs twice. */
export function acctSessionIdOf(attributes: RadiusAttributes): string | undefined {
  const value = valueOf(attributes, "Acct-Session-Id");
  if (value !== undefined && value.length > 253) {
    throw new EventError("Acct-Session-Id", "Acct-Session-Id must have at most 253 characters");
  }
  return value === "" ? undefined : value;
}

/** What is known and what came, what came winning. Returns `known` itself where nothing is new. */
export function mergeKept(known: KeptAttributes, came: KeptAttributes): KeptAttributes {
  for (const name in came) {
    if (came[name as KeptAttribute] !== known[name as KeptAttribute]) return { ...known, ...came };
  }
  return known;
}

/** `attributes` without the given prefixes. Returns the same object where none is among them. */
export function withoutPrefixes(attributes: KeptAttributes, prefixes: ReadonlySet<string>): KeptAttributes {
  let left: Partial<Record<KeptAttribute, string>> | undefined;
  for (const name of ADDRESS_ATTRIBUTES) {
    const held = attributes[name]?.split(" ");
    if (held === undefined || !held.some((prefix) => prefixes.has(prefix))) continue;
    left = Object.fromEntries(Object.entries(left ?? attributes).filter(([other]) => other !== name));
    const rest = held.filter((prefix) => !prefixes.has(prefix));
    if (rest.length > 0) left[name] = rest.join(" ");
  }
  return left ?? attributes;
}

function classOf(attributes: RadiusAttributes): string | undefined {
  const values = valuesOf(attributes, "Class");
  return values.length === 0 ? undefined : values.join(" ");
}
