/** By what a packet is the subscriber's: the ways there are, each checked. */
import type { IpPrefix } from "../net/addresses.js";
import { prefixOf, wholeNumber } from "./check.js";
import { InterceptError } from "./errors.js";
import type { SubscriberMatch } from "./types.js";

/** IEEE 802.1Q: 0 is no VLAN, 4095 is reserved. */
const MAX_VLAN_ID = 4094;
/** RFC 2516 section 4: 0xffff is reserved. */
const MAX_PPPOE_SESSION = 0xfffe;
/** IFNAMSIZ less the end of the string. */
const MAX_INTERFACE_NAME = 15;

export type CheckedMatch =
  | { readonly kind: "prefix"; readonly prefix: IpPrefix }
  | { readonly kind: "interface"; readonly name: string }
  /** `cvlan` 0: any. */
  | { readonly kind: "vlan"; readonly svlan: number; readonly cvlan: number }
  /** `mac`: 6 bytes. */
  | { readonly kind: "pppoe"; readonly sessionId: number; readonly mac: Buffer };

/** Throws InterceptError. */
export function checkMatch(match: SubscriberMatch, field: string): CheckedMatch {
  switch (match.kind) {
    case "ipv4":
      return { kind: "prefix", prefix: subscriberPrefix(match.prefix, 4, `${field}.prefix`) };
    case "ipv6":
      return { kind: "prefix", prefix: subscriberPrefix(match.prefix, 6, `${field}.prefix`) };
    case "interface":
      return { kind: "interface", name: interfaceName(match.name, `${field}.name`) };
    case "vlan":
      return {
        kind: "vlan",
        svlan: wholeNumber(match.svlan, 1, MAX_VLAN_ID, `${field}.svlan`),
        cvlan: match.cvlan === undefined ? 0 : wholeNumber(match.cvlan, 1, MAX_VLAN_ID, `${field}.cvlan`),
      };
    case "pppoe":
      return {
        kind: "pppoe",
        sessionId: wholeNumber(match.sessionId, 1, MAX_PPPOE_SESSION, `${field}.sessionId`),
        mac: macBytes(match.mac, `${field}.mac`),
      };
  }
}

function subscriberPrefix(text: string, family: 4 | 6, field: string): IpPrefix {
  const prefix = prefixOf(text, field);
  if (prefix.family !== family) throw new InterceptError(field, `${field} must be an IPv${family} prefix`);
  return prefix;
}

function interfaceName(name: string, field: string): string {
  if (name.length <= MAX_INTERFACE_NAME && /^[^\s/]+$/.test(name)) return name;
  throw new InterceptError(field, `${field} must be an interface name of at most ${MAX_INTERFACE_NAME} characters`);
}

function macBytes(text: string, field: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new InterceptError(field, `${field} must be a MAC address, such as 02:00:00:00:00:01`);
  return Buffer.from(text.replaceAll(":", ""), "hex");
}
