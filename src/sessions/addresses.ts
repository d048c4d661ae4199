/** The address attributes of RADIUS as canonical prefixes: what the datapath matches on. */
import { valueOf, valuesOf } from "../events/attributes.js";
import { EventError } from "../events/errors.js";
import type { RadiusAttributes } from "../events/types.js";
import { formatPrefix, type IpPrefix, maskBytes, parseAddress, parsePrefix } from "../net/addresses.js";
import type { AddressAttribute } from "./session.js";

/** RFC 2865 section 5.8: the user or the NAS chooses, so this is no address yet. 0.0.0.0 is seen in accounting. */
const NOT_YET_AN_ADDRESS: ReadonlySet<string> = new Set(["255.255.255.255", "255.255.255.254", "0.0.0.0"]);

/**
 * The canonical prefixes of an address attribute, separated by a blank. Undefined: not in the event, leave what is known.
 * `known`: the value that the session has. Throws EventError that names the attribute.
 */
export function readAddresses(
  name: AddressAttribute,
  attributes: RadiusAttributes,
  known?: string,
): string | undefined {
  if (!Object.hasOwn(attributes, name)) return undefined;
  // What is known is canonical: nearly every interim update repeats it to the letter.
  if (known !== undefined && attributes[name] === known) return known;
  if (name === "Framed-IP-Address") return readFramedIpAddress(attributes, known);
  const values = valuesOf(attributes, name);
  if (values.length === 0) return undefined;
  const read = READERS[name];
  return [...new Set(values.map((value) => read(name, value)))].join(" ");
}

function readFramedIpAddress(attributes: RadiusAttributes, known?: string): string | undefined {
  const value = valueOf(attributes, "Framed-IP-Address");
  if (known !== undefined && known === `${value}/32` && !Object.hasOwn(attributes, "Framed-IP-Netmask")) return known;
  if (value === undefined || NOT_YET_AN_ADDRESS.has(value)) return undefined;
  const address = parseAddress(value);
  if (address?.family !== 4) throw new EventError("Framed-IP-Address", "Framed-IP-Address must be an IPv4 address");
  const host: IpPrefix = { ...address, length: 32 };
  const netmask = valueOf(attributes, "Framed-IP-Netmask");
  if (netmask === undefined) return formatPrefix(host);
  const length = netmaskLength("Framed-IP-Netmask", netmask);
  // A mask often only tells the width of a shared access network. It is the subscriber's own subnet where the address
  // is the network's; anything else is one host, so that a neighbour is never mirrored.
  const isNetwork = maskBytes(address.bytes, length).equals(address.bytes);
  return formatPrefix(isNetwork ? { ...address, length } : host);
}

function netmaskLength(name: string, netmask: string): number {
  const mask = parseAddress(netmask);
  if (mask?.family === 4) {
    const bits = [...mask.bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const contiguous = /^(1+)0*$/.exec(bits);
    if (contiguous !== null) return contiguous[1]?.length ?? 0;
  }
  throw new EventError(name, `${name} must have an IPv4 netmask, such as 255.255.255.248`);
}

function ipv6Prefix(name: string, value: string): string {
  const prefix = value.includes("/") ? parsePrefix(value) : { problem: "must be ADDRESS/LENGTH" };
  if ("problem" in prefix) throw new EventError(name, `${name} ${prefix.problem}`);
  if (prefix.family !== 6) throw new EventError(name, `${name} must be an IPv6 prefix`);
  return formatPrefix(notEverybody(name, prefix));
}

function notEverybody(name: string, prefix: IpPrefix): IpPrefix {
  if (prefix.length > 0) return prefix;
  throw new EventError(name, `${name} must have a prefix length of 1 or more: it would be everybody`);
}

/** RFC 2865 section 5.22: prefix, gateway, metrics, of which only the first says whose packets they are. */
function ipv4Route(name: string, value: string): string {
  const [destination = "", second = ""] = words(value);
  const prefix = parsePrefix(
    destination.includes("/") ? destination : `${destination}/${unstatedLength(name, destination, second)}`,
  );
  if ("problem" in prefix) throw new EventError(name, `${name} ${prefix.problem}`);
  if (prefix.family !== 4) throw new EventError(name, `${name} must begin with an IPv4 prefix`);
  return formatPrefix(notEverybody(name, prefix));
}

/** A prefix without a length: some servers write a netmask behind it, else the address's class counts. */
function unstatedLength(name: string, destination: string, second: string): number {
  if (second.startsWith("255.")) return netmaskLength(name, second);
  const first = Number(destination.split(".")[0]);
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/** RFC 3162 section 2.5. */
function ipv6Route(name: string, value: string): string {
  return ipv6Prefix(name, words(value)[0] ?? "");
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function ipv6Host(name: string, value: string): string {
  const address = parseAddress(value);
  if (address?.family !== 6) throw new EventError(name, `${name} must be an IPv6 address`);
  return formatPrefix({ ...address, length: 128 });
}

const READERS: Readonly<
  Record<Exclude<AddressAttribute, "Framed-IP-Address">, (name: string, value: string) => string>
> = {
  "Framed-IPv6-Prefix": ipv6Prefix,
  "Delegated-IPv6-Prefix": ipv6Prefix,
  "Framed-IPv6-Address": ipv6Host,
  "Framed-Route": ipv4Route,
  "Framed-IPv6-Route": ipv6Route,
};
