/** Synthetic subscribers, as many as are wanted: each with a name, a line, an IPv4 address and an IPv6 prefix. Pure. */
import type { LiInstruction, RadiusAttributes, RadiusEvent, RadiusEventType } from "../../src/events/types.js";
import { makeIntercept } from "../../src/sessions/intercept.js";
import { makeSession, NO_INTERCEPTS, type Session, withChanges } from "../../src/sessions/session.js";

export const NAS = "bng1";
const MEDIATION = { address: "198.51.100.9", port: 30030 };

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Within 100.64.0.0/10: there are 4,194,304 of them. */
function ipv4(index: number): string {
  return `100.${64 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}`;
}

/** In the canonical spelling, as sessions keep it. */
function ipv6Prefix(index: number): string {
  const [high, low] = [(index >>> 16).toString(16), (index & 0xffff).toString(16)];
  if (low !== "0") return `2001:db8:${high}:${low}::/64`;
  return high === "0" ? "2001:db8::/64" : `2001:db8:${high}::/64`;
}

/** What a NAS tells of the subscriber in accounting. */
function attributes(index: number): RadiusAttributes {
  return {
    "User-Name": `line${index}@example.net`,
    "Acct-Session-Id": String(1_000_000 + index),
    "Calling-Station-Id": `02:00:${hex(index >>> 24, 2)}:${hex((index >>> 16) & 255, 2)}:${hex((index >>> 8) & 255, 2)}:${hex(index & 255, 2)}`,
    "NAS-Identifier": NAS,
    "NAS-Port-Id": `ge-0/0/${index % 48}.${index}`,
    "Framed-IP-Address": ipv4(index),
    "Framed-IPv6-Prefix": ipv6Prefix(index),
  };
}

export function event(type: RadiusEventType, index: number, id: string, now: number): RadiusEvent {
  return {
    specversion: "1.0",
    id,
    source: `radius/${NAS}`,
    type: `radius.${type}`,
    time: new Date(now).toISOString(),
    datacontenttype: "application/json",
    data: { nas: NAS, attributes: attributes(index) },
  };
}

/** The record of the subscriber's session, as an agent keeps it. */
export function session(index: number): Session {
  const { "Acct-Session-Id": acctSessionId, "NAS-Identifier": _nas, ...kept } = attributes(index);
  return makeSession({
    nas: NAS,
    acctSessionId: acctSessionId as string,
    createdBy: "",
    attributes: { ...kept, "Framed-IP-Address": `${ipv4(index)}/32` },
    lost: "",
    seq: 0,
    intercepts: NO_INTERCEPTS,
  });
}

export function mirroredSession(index: number): Session {
  const plain = session(index);
  const handle = `${hex(index + 1, 8)}${hex(index + 1, 8)}`;
  const order: LiInstruction = { action: "on", handle, mediation: MEDIATION };
  const origin = { source: "radiusCoa", mandate: undefined, eventId: `bench-${index}` } as const;
  return withChanges(plain, { intercepts: [makeIntercept(plain, order, origin, { header: "junos" })] });
}
