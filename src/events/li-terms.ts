/** The terms of an instruction: the shape in which they are read, and whether they make sense. */

import { MAX_TERMS } from "../intercepts/drop-policy.js";
import { InterceptError } from "../intercepts/errors.js";
import { checkMatch } from "../intercepts/match.js";
import { checkTerms } from "../intercepts/terms.js";
import type { DropTerm, SubscriberMatch } from "../intercepts/types.js";
import { EventError } from "./errors.js";
import { boolean, type Fields, list, number, objectWith, oneOf, optional, string } from "./fields.js";
import { parseTime } from "./time.js";
import type { LiTerms } from "./types.js";

/** Keys of `li` that are read here. */
export const TERM_KEYS: readonly (keyof LiTerms)[] = [
  "notBefore",
  "notAfter",
  "dscp",
  "dropPolicy",
  "rate",
  "snapLength",
  "multicast",
  "match",
  "zone",
];

const MAX_MATCHES = 16;
/** As the configuration spells zones. */
const ZONE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Throws EventError where a field has another type. */
export function termsFromObject(fields: Fields): LiTerms {
  return {
    ...optional("li", fields, "notBefore", string),
    ...optional("li", fields, "notAfter", string),
    ...optional("li", fields, "dscp", number),
    ...optional("li", fields, "dropPolicy", (field, value) => list(field, value, MAX_TERMS, dropTerm)),
    ...optional("li", fields, "rate", rate),
    ...optional("li", fields, "snapLength", number),
    ...optional("li", fields, "multicast", boolean),
    ...optional("li", fields, "match", (field, value) => list(field, value, MAX_MATCHES, subscriberMatch)),
    ...optional("li", fields, "zone", string),
  };
}

/** The terms with their times canonical. Throws EventError or InterceptError. */
export function checkLiTerms(terms: LiTerms): LiTerms {
  const { notBefore: _begin, notAfter: _end, ...rest } = terms;
  const times = timesOf(terms);
  checkTerms({ ...rest, ...times }, "li.");
  for (const [index, match] of (terms.match ?? []).entries()) {
    const checked = checkMatch(match, `li.match[${index}]`);
    if (checked.kind !== "prefix" || checked.prefix.length > 0) continue;
    const field = `li.match[${index}].prefix`;
    throw new InterceptError(field, `${field} must have a length of 1 or more: it would be everybody`);
  }
  if (terms.zone !== undefined && !ZONE.test(terms.zone))
    throw new EventError("li.zone", "li.zone must be a zone's name: 1 to 64 letters, digits, '-' and '_'");
  return { ...terms, ...canonical(times) };
}

const NO_TIMES = {};
type Times = { readonly notBefore?: number; readonly notAfter?: number };

/** Unix milliseconds of the terms' times. They are checked. */
export function timesOf(terms: LiTerms): Times {
  if (terms.notBefore === undefined && terms.notAfter === undefined) return NO_TIMES;
  return { ...time(terms, "notBefore"), ...time(terms, "notAfter") };
}

function time(terms: LiTerms, key: keyof Times): Times {
  const text = terms[key];
  if (text === undefined) return {};
  const at = parseTime(text);
  if (at !== undefined) return { [key]: at };
  const field = `li.${key}`;
  throw new EventError(field, `${field} must be RFC 3339 in UTC, such as 2026-11-22T07:00:00Z`);
}

function canonical(times: Times): LiTerms {
  return Object.fromEntries(Object.entries(times).map(([key, at]) => [key, new Date(at).toISOString()]));
}

function rate(field: string, value: unknown): NonNullable<LiTerms["rate"]> {
  const fields = objectWith(field, value, ["bytesPerSecond", "burstBytes"]);
  return {
    bytesPerSecond: number(`${field}.bytesPerSecond`, fields.bytesPerSecond),
    burstBytes: number(`${field}.burstBytes`, fields.burstBytes),
  };
}

function dropTerm(field: string, value: unknown): DropTerm {
  const fields = objectWith(field, value, [
    "source",
    "destination",
    "sourcePorts",
    "destinationPorts",
    "protocol",
    "dscp",
  ]);
  return {
    ...optional(field, fields, "source", string),
    ...optional(field, fields, "destination", string),
    ...optional(field, fields, "sourcePorts", ports),
    ...optional(field, fields, "destinationPorts", ports),
    ...optional(field, fields, "protocol", number),
    ...optional(field, fields, "dscp", number),
  };
}

function ports(field: string, value: unknown): readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2)
    throw new EventError(field, `${field} must be the first and the last port, such as [80, 80]`);
  const [first, last]: readonly unknown[] = value;
  return [number(field, first), number(field, last)];
}

function subscriberMatch(field: string, value: unknown): SubscriberMatch {
  const kind = oneOf(`${field}.kind`, (value as Fields | null)?.kind, ["ipv4", "ipv6", "interface", "vlan", "pppoe"]);
  switch (kind) {
    case "ipv4":
    case "ipv6": {
      const fields = objectWith(field, value, ["kind", "prefix"]);
      return { kind, prefix: string(`${field}.prefix`, fields.prefix) };
    }
    case "interface": {
      const fields = objectWith(field, value, ["kind", "name"]);
      return { kind, name: string(`${field}.name`, fields.name) };
    }
    case "vlan": {
      const fields = objectWith(field, value, ["kind", "svlan", "cvlan"]);
      return { kind, svlan: number(`${field}.svlan`, fields.svlan), ...optional(field, fields, "cvlan", number) };
    }
    case "pppoe": {
      const fields = objectWith(field, value, ["kind", "sessionId", "mac"]);
      return {
        kind,
        sessionId: number(`${field}.sessionId`, fields.sessionId),
        mac: string(`${field}.mac`, fields.mac),
      };
    }
  }
}
