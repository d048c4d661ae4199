/** Which NAS a packet speaks of. */
import { TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { firstAttribute, type Packet } from "../radius/packet.js";
import { valueToText } from "../radius/values.js";

/** NAS-Identifier, else NAS-IP-Address, else NAS-IPv6-Address, as text; undefined where the packet names no NAS. */
export function namedNas(packet: Packet, dictionary: Dictionary): string | undefined {
  for (const type of [TYPE.nasIdentifier, TYPE.nasIpAddress, TYPE.nasIpv6Address]) {
    const value = firstAttribute(packet, type);
    const definition = dictionary.standard.get(type);
    if (value !== undefined && value.length > 0 && definition !== undefined) return valueToText(definition, value);
  }
  return undefined;
}
