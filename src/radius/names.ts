/** A packet's attributes by name, as events carry them. */
import { TYPE } from "./codes.js";
import {
  type AttributeDefinition,
  type AttributePlace,
  type Dictionary,
  vendorAttribute,
  vendorFormat,
} from "./dictionary.js";
import type { Attribute } from "./packet.js";
import { hex, valueToText } from "./values.js";
import { subAttributes, vendorOf } from "./vendor.js";

/** Of the hop, of the exchange, or what a subscriber proves an identity with: never in an event, whatever the dictionary says. */
const NEVER_NAMED: ReadonlySet<number> = new Set([
  TYPE.userPassword,
  TYPE.chapPassword,
  TYPE.state,
  TYPE.proxyState,
  TYPE.chapChallenge,
  TYPE.eapMessage,
  TYPE.messageAuthenticator,
  // ARAP-Password, ARAP-Security-Data, Digest-*
  70,
  74,
  206,
]);

const MICROSOFT = 311;
/** MS-CHAP-Response, -Challenge, MS-CHAP2-Response, and the like of RFC 2548: all but the name servers. */
const MICROSOFT_NAMED: ReadonlySet<number> = new Set([28, 29, 30, 31]);

/** Whether an attribute may be named: it is no secret, neither of a hop nor of a subscriber. */
export function isNameable({ vendor, type, definition }: AttributePlace): boolean {
  if (definition.hiding !== "none") return false;
  if (vendor === undefined) return !NEVER_NAMED.has(type);
  return vendor !== MICROSOFT || MICROSOFT_NAMED.has(type);
}

/**
 * Names every attribute that is not secret; several of one name become an array, in order. An attribute that the
 * dictionary does not have is `Attr-<type>` or `Attr-26.<vendor>.<type>`. Never throws.
 */
export function nameAttributes(
  attributes: readonly Attribute[],
  dictionary: Dictionary,
): Record<string, string | string[]> {
  const named: Record<string, string | string[]> = {};
  const add = (name: string, text: string) => {
    const known = named[name];
    if (known === undefined) named[name] = text;
    else if (Array.isArray(known)) known.push(text);
    else named[name] = [known, text];
  };
  for (const { type, value } of attributes) {
    if (NEVER_NAMED.has(type)) continue;
    if (type === TYPE.vendorSpecific) nameVendor(value, dictionary, add);
    else nameOne(dictionary.standard.get(type), `Attr-${type}`, value, add);
  }
  return named;
}

type Add = (name: string, text: string) => void;

function nameVendor(value: Buffer, dictionary: Dictionary, add: Add): void {
  const vendor = vendorOf(value);
  const subs = vendor === undefined ? undefined : subAttributes(value, vendorFormat(dictionary, vendor));
  if (vendor === undefined || subs === undefined) return add("Attr-26", hex(value));
  for (const sub of subs) {
    if (vendor === MICROSOFT && !MICROSOFT_NAMED.has(sub.type)) continue;
    nameOne(vendorAttribute(dictionary, vendor, sub.type), `Attr-26.${vendor}.${sub.type}`, sub.value, add);
  }
}

function nameOne(definition: AttributeDefinition | undefined, fallback: string, value: Buffer, add: Add): void {
  if (definition === undefined) return add(fallback, hex(value));
  if (definition.hiding === "none") add(definition.name, valueToText(definition, value));
}
