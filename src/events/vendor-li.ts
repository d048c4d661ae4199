/** The mirroring attributes of Juniper (ERX-*, vendor 4874) and Nokia (Alc-LI-*, vendor 6527), as FreeRADIUS names and prints them. */
import { formatHandle } from "../intercepts/handle.js";
import { valueOf, valuesOf } from "./attributes.js";
import { EventError } from "./errors.js";
import type { LiOrder } from "./li.js";
import { ERROR_CAUSE, type LiInstruction, type RadiusAttributes } from "./types.js";

const JUNIPER = ["ERX-LI-Action", "ERX-Med-Dev-Handle", "ERX-Med-Ip-Address", "ERX-Med-Port-Number"] as const;
const NOKIA = [
  "Alc-LI-Action",
  "Alc-LI-Destination",
  "Alc-LI-FC",
  "Alc-LI-Direction",
  "Alc-LI-Intercept-Id",
  "Alc-LI-Session-Id",
] as const;

const JUNIPER_ACTIONS: Readonly<Record<string, LiInstruction["action"]>> = {
  off: "off",
  "0": "off",
  on: "on",
  "1": "on",
  noop: "noop",
  "2": "noop",
};

export function hasVendorLi(attributes: RadiusAttributes): boolean {
  return hasAny(attributes, JUNIPER) || hasAny(attributes, NOKIA);
}

/** The attributes without those that ask for mirroring. */
export function withoutVendorLi(attributes: RadiusAttributes): RadiusAttributes {
  if (!hasVendorLi(attributes)) return attributes;
  const asking: ReadonlySet<string> = new Set([...JUNIPER, ...NOKIA]);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !asking.has(name)));
}

/** Throws EventError. The values are read, not yet checked against each other. */
export function instructionFromAttributes(attributes: RadiusAttributes): LiOrder {
  if (!hasAny(attributes, NOKIA)) return fromJuniper(attributes);
  if (hasAny(attributes, JUNIPER))
    throw new EventError("ERX-LI-Action", "ERX-* and Alc-LI-* attributes must not come together");
  return fromNokia(attributes);
}

function fromJuniper(attributes: RadiusAttributes): LiInstruction {
  const [action, handle, address, port] = JUNIPER.map((name) => {
    const value = valueOf(attributes, name);
    if (value !== undefined) return value;
    throw new EventError(
      name,
      `${name} is missing: the four ERX mirroring attributes come together`,
      ERROR_CAUSE.missingAttribute,
    );
  }) as [string, string, string, string];
  return {
    action: lookup("ERX-LI-Action", JUNIPER_ACTIONS, action, "off (0), on (1) or noop (2)"),
    handle,
    mediation: { address, port: unsigned("ERX-Med-Port-Number", port, 0xffff_ffff) },
  };
}

type NokiaAction = "no-action" | "enable" | "disable";
const NOKIA_ACTIONS: Readonly<Record<string, NokiaAction>> = {
  "no-action": "no-action",
  "1": "no-action",
  enable: "enable",
  "2": "enable",
  disable: "disable",
  "3": "disable",
};
const NOKIA_DIRECTIONS: Readonly<Record<string, "from" | "to">> = {
  ingress: "from",
  "1": "from",
  egress: "to",
  "2": "to",
};
const NOKIA_FORWARDING_CLASSES = 8;

function fromNokia(attributes: RadiusAttributes): LiOrder {
  const given = valueOf(attributes, "Alc-LI-Action");
  if (given === undefined) {
    throw new EventError("Alc-LI-Action", "Alc-LI-Action is missing", ERROR_CAUSE.missingAttribute);
  }
  const action = lookup("Alc-LI-Action", NOKIA_ACTIONS, given, "no-action (1), enable (2) or disable (3)");
  const destination = valueOf(attributes, "Alc-LI-Destination");
  if (destination === undefined) {
    if (action === "disable") return { action: "stop-in-force" };
    throw new EventError("Alc-LI-Destination", "Alc-LI-Destination is missing", ERROR_CAUSE.missingAttribute);
  }
  refuseForwardingClasses(attributes);
  const direction = nokiaDirection(attributes);
  // SR OS puts 0 into the shim where an id is absent.
  const interceptId = unsigned("Alc-LI-Intercept-Id", valueOf(attributes, "Alc-LI-Intercept-Id") ?? "0", 0x3fff_ffff);
  const sessionId = unsigned("Alc-LI-Session-Id", valueOf(attributes, "Alc-LI-Session-Id") ?? "0", 0xffff_ffff);
  return {
    action: action === "enable" ? "on" : action === "disable" ? "off" : "noop",
    handle: formatHandle(interceptId, sessionId),
    mediation: nokiaDestination(destination),
    ...(direction !== undefined && { direction }),
    header: "nokia",
  };
}

function nokiaDirection(attributes: RadiusAttributes): "from" | "to" | undefined {
  const given = new Set(
    valuesOf(attributes, "Alc-LI-Direction").map((value) =>
      lookup("Alc-LI-Direction", NOKIA_DIRECTIONS, value, "ingress (1) or egress (2)"),
    ),
  );
  return given.size === 1 ? [...given][0] : undefined;
}

/** Some classes only would be a narrower order than what we carry out; all of them is the same as none named. */
function refuseForwardingClasses(attributes: RadiusAttributes): void {
  const classes = new Set(valuesOf(attributes, "Alc-LI-FC"));
  if (classes.size === 0 || classes.size === NOKIA_FORWARDING_CLASSES) return;
  throw new EventError(
    "Alc-LI-FC",
    "Alc-LI-FC must be absent or name all eight classes: mirroring some of them is not supported",
    ERROR_CAUSE.unsupportedAttribute,
  );
}

/** `198.51.100.9:30030` or `[2001:db8::9]:30030`: there are no mirror services here that a number could name. */
function nokiaDestination(value: string): { address: string; port: number } {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,10})$/.exec(value);
  if (parts === null) {
    throw new EventError(
      "Alc-LI-Destination",
      "Alc-LI-Destination must be address:port, such as 198.51.100.9:30030 or [2001:db8::9]:30030",
    );
  }
  return { address: parts[1] ?? parts[2] ?? "", port: unsigned("Alc-LI-Destination", parts[3] ?? "", 0xffff_ffff) };
}

function hasAny(attributes: RadiusAttributes, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(attributes, name));
}

function lookup<T>(name: string, table: Readonly<Record<string, T>>, value: string, expected: string): T {
  const key = value.toLowerCase();
  const found = Object.hasOwn(table, key) ? table[key] : undefined;
  if (found === undefined) throw new EventError(name, `${name} must be ${expected}`);
  return found;
}

function unsigned(name: string, value: string, max: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number) || number > max)
    throw new EventError(name, `${name} must be a whole number from 0 to ${max}`);
  return number;
}
