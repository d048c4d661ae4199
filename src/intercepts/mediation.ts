/** Where copies go: an IP literal and a UDP port. A host name is refused: what it resolves to is nobody's order. */
import { formatAddress, parseAddress } from "../net/addresses.js";
import { InterceptError } from "./errors.js";

/** The address in its canonical text. Throws InterceptError where it is none that can receive a copy. */
export function mediationAddress(text: string, field = "mediation.address"): string {
  const address = parseAddress(text);
  if (address === undefined) {
    throw new InterceptError(field, `${field} must be an IPv4 or IPv6 address, not a host name`);
  }
  const first = address.bytes[0] ?? 0;
  const multicast = address.family === 4 ? first >= 224 : first === 0xff;
  if (multicast || address.bytes.every((byte) => byte === 0)) {
    throw new InterceptError(field, `${field} must be a unicast address`);
  }
  return formatAddress(address);
}

export function mediationPort(value: number, field = "mediation.port"): number {
  if (!Number.isInteger(value) || value < 1 || value > 65535) {
    throw new InterceptError(field, `${field} must be a UDP port from 1 to 65535`);
  }
  return value;
}
