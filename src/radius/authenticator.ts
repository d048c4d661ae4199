/**
 * Who made a packet: request and response authenticators (RFC 2865 section 3, RFC 2866 section 3, RFC 5176 section 2.3)
 * and Message-Authenticator (RFC 3579 section 3.2, RFC 5176 section 3.4).
 */
import { timingSafeEqual } from "node:crypto";
import { CODE, TYPE } from "./codes.js";
import { hmacMd5, md5 } from "./md5.js";
import {
  type Attribute,
  AUTHENTICATOR_BYTES,
  encodePacket,
  encodePacketBehind,
  HEADER_BYTES,
  type ReceivedPacket,
} from "./packet.js";

export const ZERO_AUTHENTICATOR = Buffer.alloc(AUTHENTICATOR_BYTES);
const MESSAGE_AUTHENTICATOR_BYTES = 16;

export type Secret = Buffer;

export interface OutgoingPacket {
  readonly code: number;
  readonly identifier: number;
  readonly attributes: readonly Attribute[];
}

export interface SigningOptions {
  /** Puts a Message-Authenticator in front of all other attributes. Default true. */
  readonly messageAuthenticator?: boolean;
}

/** Codes whose request authenticator is a random number and not a hash over the packet. */
function hasRandomAuthenticator(code: number): boolean {
  return code === CODE.accessRequest || code === CODE.statusServer;
}

/**
 * The bytes of a request. `authenticator` is 16 random bytes for Access-Request and Status-Server,
 * and left out for all others, whose authenticator is computed. Throws RadiusError "too-long".
 */
export function encodeRequest(
  packet: OutgoingPacket,
  secret: Secret,
  authenticator: Buffer = ZERO_AUTHENTICATOR,
  options: SigningOptions = {},
): Buffer {
  const bytes = layOut(packet, authenticator, options);
  if (options.messageAuthenticator ?? true) writeMessageAuthenticator(bytes, secret);
  if (!hasRandomAuthenticator(packet.code)) md5(bytes, secret).copy(bytes, 4);
  return bytes;
}

/** The bytes of the response to a request with `requestAuthenticator`. Throws RadiusError "too-long". */
export function encodeResponse(
  packet: OutgoingPacket,
  secret: Secret,
  requestAuthenticator: Buffer,
  options: SigningOptions = {},
): Buffer {
  const bytes = layOut(packet, requestAuthenticator, options);
  if (options.messageAuthenticator ?? true) writeMessageAuthenticator(bytes, secret);
  md5(bytes, secret).copy(bytes, 4);
  return bytes;
}

function layOut(packet: OutgoingPacket, authenticator: Buffer, options: SigningOptions): Buffer {
  const { code, identifier, attributes } = packet;
  const laidOut = { code, identifier, authenticator, attributes };
  return (options.messageAuthenticator ?? true)
    ? encodePacketBehind(laidOut, TYPE.messageAuthenticator, MESSAGE_AUTHENTICATOR_BYTES)
    : encodePacket({ ...laidOut, attributes: attributes.filter(({ type }) => type !== TYPE.messageAuthenticator) });
}

/** Message-Authenticator is the first attribute and zero when this is called. */
function writeMessageAuthenticator(bytes: Buffer, secret: Secret): void {
  hmacMd5(secret, bytes).copy(bytes, HEADER_BYTES + 2);
}

/** Whether the request authenticator of an Accounting-, CoA- or Disconnect-Request was made with `secret`. */
export function isRequestAuthentic(packet: ReceivedPacket, secret: Secret): boolean {
  return timingSafeEqual(hashWith(packet.bytes, ZERO_AUTHENTICATOR, secret), packet.authenticator);
}

/** Whether the response was made with `secret` for the request with `requestAuthenticator`. */
export function isResponseAuthentic(packet: ReceivedPacket, secret: Secret, requestAuthenticator: Buffer): boolean {
  return timingSafeEqual(hashWith(packet.bytes, requestAuthenticator, secret), packet.authenticator);
}

export type MessageAuthenticatorCheck = "absent" | "good" | "bad";

/**
 * Checks a packet's Message-Authenticator. `authenticator` is what stood in the header when it was computed:
 * the packet's own for Access-Request and Status-Server, 16 zero bytes for the other requests,
 * the request's for responses. Several, or one of another length than 16, are "bad".
 */
export function checkMessageAuthenticator(
  packet: ReceivedPacket,
  secret: Secret,
  authenticator: Buffer,
): MessageAuthenticatorCheck {
  const found = packet.attributes.filter(({ type }) => type === TYPE.messageAuthenticator);
  const [only] = found;
  if (only === undefined) return "absent";
  if (found.length > 1 || only.value.length !== MESSAGE_AUTHENTICATOR_BYTES) return "bad";
  const offset = only.value.byteOffset - packet.bytes.byteOffset;
  const { bytes } = packet;
  const expected = hmacMd5(
    secret,
    bytes.subarray(0, 4),
    authenticator,
    bytes.subarray(HEADER_BYTES, offset),
    ZERO_AUTHENTICATOR,
    bytes.subarray(offset + MESSAGE_AUTHENTICATOR_BYTES),
  );
  return timingSafeEqual(expected, only.value) ? "good" : "bad";
}

/** What `checkMessageAuthenticator` needs for a request. */
export function requestMessageAuthenticator(packet: ReceivedPacket, secret: Secret): MessageAuthenticatorCheck {
  const authenticator = hasRandomAuthenticator(packet.code) ? packet.authenticator : ZERO_AUTHENTICATOR;
  return checkMessageAuthenticator(packet, secret, authenticator);
}

function hashWith(bytes: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  return md5(bytes.subarray(0, 4), authenticator, bytes.subarray(HEADER_BYTES), secret);
}
