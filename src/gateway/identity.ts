/** Which NAS a packet speaks of. */
import { TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { firstAttribute, type Packet } from "../radius/packet.js";
import { valueToText } from "../radius/values.js";

/** A NAS's name as events carry it: without what a NATS subject cannot hold in one token. */
export function nasToken(text: string): string {
  // Control characters count as blanks.
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[.*>\s\u0000-\u001f\u007f]/g, "_");
}

/** NAS-Identifier, else NAS-IP-Address, else NAS-IPv6-Address, as text; undefined where the packet names no NAS. */
export function namedNas(packet: Packet, dictionary: Dictionary): string | undefined {
  for (const type of [TYPE.nasIdentifier, TYPE.nasIpAddress, TYPE.nasIpv6Address]) {
    const value = firstAttribute(packet, type);
    const definition = dictionary.standard.get(type);
    if (value !== undefined && value.length > 0 && definition !== undefined) return valueToText(definition, value);
  }
  return undefined;
}
