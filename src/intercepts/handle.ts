/** The ERX-Med-Dev-Handle: which ids the mediation device finds in front of every copy. */
import { InterceptError } from "./errors.js";

export interface Handle {
  /** 30 bits. */
  readonly interceptId: number;
  /** 32 bits. Undefined for the 4-byte form: the session's Acct-Session-Id gives it. */
  readonly sessionId: number | undefined;
}

const ID_MASK = 0x3fff_ffff;
const NOKIA_MAX_INTERCEPT_ID = 0x1fff_ffff;

/**
 * Reads a handle in hex, without prefix.
 * 8 bytes: top two bits 00, intercept id, session id. 4 bytes: top two bits 01, intercept id.
 * Throws InterceptError for any other length or top bits that do not fit the length.
 */
export function parseHandle(hex: string, field = "handle"): Handle {
  if (!/^(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{16})$/.test(hex)) {
    throw new InterceptError(field, `${field} must be 4 or 8 bytes in hex (8 or 16 digits)`);
  }
  const first = Number.parseInt(hex.slice(0, 8), 16);
  const topBits = first >>> 30;
  const full = hex.length === 16;
  if (topBits !== (full ? 0 : 1)) {
    const expected = full
      ? "of an 8-byte handle must have its top two bits 00"
      : "of a 4-byte handle must have its top two bits 01";
    throw new InterceptError(field, `${field} ${expected}`);
  }
  return {
    interceptId: first & ID_MASK,
    sessionId: full ? Number.parseInt(hex.slice(8), 16) : undefined,
  };
}

/** Throws InterceptError where the header has no room for the intercept id: Nokia's gives one of its bits to the direction. */
export function requireRoom(handle: Handle, header: "junos" | "nokia"): void {
  if (header === "junos" || handle.interceptId <= NOKIA_MAX_INTERCEPT_ID) return;
  throw new InterceptError("handle", "handle must have an intercept id of 29 bits where the header is nokia");
}

/** The 8-byte handle of the given ids (30 and 32 bits), in hex. */
export function formatHandle(interceptId: number, sessionId: number): string {
  return hex32(interceptId) + hex32(sessionId);
}

/**
 * The session id that a 4-byte handle leaves to the Acct-Session-Id: the least significant 32 bits of the number after
 * its last ':' (`1048577`, `jnpr ge-1/0/0.100:1048577`, `0A3F00C1`), decimal where it is all digits, else hex.
 */
export function sessionIdOf(acctSessionId: string): number {
  const digits = acctSessionId.slice(acctSessionId.lastIndexOf(":") + 1);
  if (!/^[0-9a-fA-F]{1,253}$/.test(digits)) {
    throw new InterceptError(
      "Acct-Session-Id",
      "Acct-Session-Id must end in a decimal or hex number (after its last ':'), since a 4-byte handle takes the session id from it",
    );
  }
  const value = BigInt(/^\d+$/.test(digits) ? digits : `0x${digits}`);
  return Number(value & 0xffff_ffffn);
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
