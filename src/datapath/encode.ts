/** From the specification of an intercept to the kernel's structures. Throws InterceptError for what cannot be. Pure. */
import { wholeNumber } from "../intercepts/check.js";
import { type CheckedTerm, checkDropPolicy } from "../intercepts/drop-policy.js";
import { InterceptError } from "../intercepts/errors.js";
import { checkTerms } from "../intercepts/terms.js";
import type { DropTerm, InterceptHeader, InterceptSpec } from "../intercepts/types.js";
import { type IpPrefix, maskBytes, parseAddress } from "../net/addresses.js";
import { END_OF_TIME_NS } from "./clock.js";
import {
  DeviceFlags,
  type DropPolicy,
  type Intercept,
  InterceptFlags,
  Limits,
  MediationDevice,
  type Term,
  TermFlags,
} from "./layout.gen.js";
import type { DatapathOptions } from "./options.js";

const BYTE_NS = 1_000_000_000n;
const KEY_BYTES = 32;
const ASCII_KEY = new RegExp(`^[\\x20-\\x7e]{1,${KEY_BYTES}}$`);

/** The 8 bytes behind the UDP header, as two words, for packets from and to the subscriber. */
export function shimWords(header: InterceptHeader): [number[], number[]] {
  wholeNumber(header.sessionId, 0, 0xffff_ffff, "header.sessionId");
  if (header.format === "junos") {
    const id = wholeNumber(header.interceptId, 0, 0x3fff_ffff, "header.interceptId");
    const words = [id, header.sessionId];
    return [words, words];
  }
  // Version 01 and the direction bit (0: from the subscriber), 29 bits of intercept id.
  const id = wholeNumber(header.interceptId, 0, 0x1fff_ffff, "header.interceptId");
  return [
    [(0x4000_0000 | id) >>> 0, header.sessionId],
    [(0x6000_0000 | id) >>> 0, header.sessionId],
  ];
}

function interceptFlags(spec: InterceptSpec): number {
  const from = spec.direction === "to" ? 0 : InterceptFlags.INTERCEPT_FROM;
  const to = spec.direction === "from" ? 0 : InterceptFlags.INTERCEPT_TO;
  const multicast = spec.multicast ? InterceptFlags.INTERCEPT_MULTICAST : 0;
  return InterceptFlags.INTERCEPT_ACTIVE | from | to | multicast;
}

function rateFields(
  rate: InterceptSpec["rate"],
): Pick<Intercept, "bytes_per_second" | "bucket_byte_ns" | "bucket_fill_ns"> {
  if (!rate) return { bytes_per_second: 0n, bucket_byte_ns: 0n, bucket_fill_ns: 0n };
  const bytesPerSecond = BigInt(rate.bytesPerSecond);
  const bucket = BigInt(rate.burstBytes) * BYTE_NS;
  return { bytes_per_second: bytesPerSecond, bucket_byte_ns: bucket, bucket_fill_ns: bucket / bytesPerSecond + 1n };
}

export function keyBytes(key: string): Buffer {
  if (!ASCII_KEY.test(key)) throw new InterceptError("key", `key must have 1 to ${KEY_BYTES} ASCII characters`);
  const bytes = Buffer.allocUnsafe(KEY_BYTES).fill(0);
  bytes.write(key, "latin1");
  return bytes;
}

const NO_PADDING = [0n, 0n];

function unixTime(ms: number, field: string): number {
  if (!Number.isFinite(ms)) throw new InterceptError(field, `${field} must be a time in Unix milliseconds`);
  return ms;
}

export interface InterceptPlaces {
  readonly device: number;
  /** 0: none. */
  readonly dropPolicy: number;
  readonly defaultDscp: number;
  toBootClock(unixMs: number): bigint;
}

export function encodeIntercept(spec: InterceptSpec, places: InterceptPlaces): Intercept {
  checkTerms(spec);
  const { notBefore, notAfter } = spec;
  const port = wholeNumber(spec.mediation.port, 1, 65535, "mediation.port");
  const portTo = wholeNumber(spec.mediation.portTo ?? port, 1, 65535, "mediation.portTo");
  return {
    not_before_ns: notBefore === undefined ? 0n : places.toBootClock(unixTime(notBefore, "notBefore")),
    not_after_ns: notAfter === undefined ? END_OF_TIME_NS : places.toBootClock(unixTime(notAfter, "notAfter")),
    flags: interceptFlags(spec),
    device: places.device,
    shim: shimWords(spec.header),
    port: [port, portTo],
    tos: (spec.dscp ?? places.defaultDscp) << 2,
    snap_length: spec.snapLength ?? 0,
    drop_policy: places.dropPolicy,
    ...rateFields(spec.rate),
    key: keyBytes(spec.key),
    reserved: 0,
    padding: NO_PADDING,
  };
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(16 - bytes.length)]);
}

/** How `address` is reached, from the source address that the configuration has for its family. */
export function encodeDevice(address: string, mediation: DatapathOptions["mediation"]): Buffer {
  const destination = parseAddress(address);
  if (!destination) throw new InterceptError("mediation.address", "mediation.address must be an IP address");
  const sourceText = destination.family === 4 ? mediation.sourceIpv4 : mediation.sourceIpv6;
  const source = sourceText === undefined ? undefined : parseAddress(sourceText);
  if (!source || source.family !== destination.family)
    throw new InterceptError(
      "mediation.address",
      `mediation.address is IPv${destination.family}, but this node has no IPv${destination.family} source address: set mediation.sourceIpv${destination.family} in its configuration`,
    );
  return MediationDevice.encode({
    source: padded(source.bytes),
    destination: padded(destination.bytes),
    source_port: mediation.sourcePort,
    ttl: mediation.ttl,
    flags:
      (destination.family === 6 ? DeviceFlags.DEVICE_IPV6 : 0) |
      (mediation.oversize === "drop" ? DeviceFlags.DEVICE_NO_FRAGMENTS : 0) |
      (mediation.way === "stack" ? DeviceFlags.DEVICE_STACK_ONLY : 0) |
      (mediation.udpChecksum === "computed" ? DeviceFlags.DEVICE_UDP_CHECKSUM : 0),
  });
}

const NO_ADDRESS = [0, 0, 0, 0];

function words(bytes: Buffer): number[] {
  const all = padded(bytes);
  return [0, 4, 8, 12].map((at) => all.readUInt32BE(at));
}

function termMask(prefix: IpPrefix): Buffer {
  return maskBytes(Buffer.alloc(prefix.bytes.length, 0xff), prefix.length);
}

function encodeTerm(term: CheckedTerm): Term {
  const { source, destination, sourcePorts, destinationPorts, protocol, dscp } = term;
  const family = (source ?? destination)?.family;
  return {
    flags:
      (source ? TermFlags.TERM_SOURCE : 0) |
      (destination ? TermFlags.TERM_DESTINATION : 0) |
      (protocol === undefined ? 0 : TermFlags.TERM_PROTOCOL) |
      (dscp === undefined ? 0 : TermFlags.TERM_DSCP) |
      (sourcePorts ? TermFlags.TERM_SOURCE_PORT : 0) |
      (destinationPorts ? TermFlags.TERM_DESTINATION_PORT : 0) |
      (family === 4 ? TermFlags.TERM_IPV4 : 0) |
      (family === 6 ? TermFlags.TERM_IPV6 : 0),
    source_port_low: sourcePorts?.[0] ?? 0,
    source_port_high: sourcePorts?.[1] ?? 0,
    destination_port_low: destinationPorts?.[0] ?? 0,
    destination_port_high: destinationPorts?.[1] ?? 0,
    protocol: protocol ?? 0,
    dscp: dscp ?? 0,
    source: source ? words(source.bytes) : NO_ADDRESS,
    source_mask: source ? words(termMask(source)) : NO_ADDRESS,
    destination: destination ? words(destination.bytes) : NO_ADDRESS,
    destination_mask: destination ? words(termMask(destination)) : NO_ADDRESS,
  };
}

const NO_TERM: Term = {
  flags: 0,
  source_port_low: 0,
  source_port_high: 0,
  destination_port_low: 0,
  destination_port_high: 0,
  protocol: 0,
  dscp: 0,
  source: NO_ADDRESS,
  source_mask: NO_ADDRESS,
  destination: NO_ADDRESS,
  destination_mask: NO_ADDRESS,
};

/** Undefined where the intercept has no drop policy. */
export function encodeDropPolicy(terms: readonly DropTerm[] | undefined): DropPolicy | undefined {
  if (!terms || terms.length === 0) return undefined;
  const encoded = checkDropPolicy(terms, "dropPolicy").map(encodeTerm);
  return {
    count: encoded.length,
    terms: Array.from({ length: Limits.MAX_TERMS }, (_, index) => encoded[index] ?? NO_TERM),
  };
}
