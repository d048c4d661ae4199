/** What the LI attributes say: rules of the two vendors, in one instruction. Pure; needs no session. */
import { isIPv4 } from "node:net";
import { ERROR_CAUSE, type ErrorCause, type LiInstruction } from "../events/types.js";
import type { LiValues } from "./li.js";

export type LiReading =
  | { readonly kind: "instruction"; readonly instruction: LiInstruction }
  /** `detail` names the attribute and never its value. */
  | { readonly kind: "refused"; readonly errorCause: ErrorCause; readonly detail: string };

export interface NokiaOptions {
  /** The mediation device that a mirror destination service stands for, by service id or name. */
  readonly services: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  /** UDP port of a destination that is an address alone. Absent: such a destination is refused. */
  readonly defaultPort?: number;
  /** Whether the header tells the direction, which leaves 29 bits for the intercept id instead of 30. */
  readonly directionBit: boolean;
}

class Refusal extends Error {
  constructor(
    readonly errorCause: ErrorCause,
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** Reads decrypted LI attributes; the values are text, numbers in decimal or by VALUE name. Never throws. */
export function readLi(values: LiValues, nokia: NokiaOptions): LiReading {
  try {
    const names = Object.keys(values);
    const isNokia = names.some((name) => name.startsWith("Alc-"));
    if (isNokia && names.some((name) => name.startsWith("ERX-"))) {
      throw invalid("the LI attributes of two vendors are mixed");
    }
    return { kind: "instruction", instruction: isNokia ? readNokia(values, nokia) : readJuniper(values) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: "refused", errorCause: error.errorCause, detail: error.detail };
  }
}

const JUNIPER_ACTIONS = new Map<string, LiInstruction["action"]>([
  ["0", "off"],
  ["1", "on"],
  ["2", "noop"],
  ["off", "off"],
  ["on", "on"],
  ["noop", "noop"],
]);

function readJuniper(values: LiValues): LiInstruction {
  const action = JUNIPER_ACTIONS.get(one(values, "ERX-LI-Action"));
  const handle = one(values, "ERX-Med-Dev-Handle").replace(/^0x/, "").toLowerCase();
  const address = one(values, "ERX-Med-Ip-Address");
  const port = readPort(one(values, "ERX-Med-Port-Number"));
  if (action === undefined) throw invalid("ERX-LI-Action is none of 0 (off), 1 (on), 2 (noop)");
  if (!isHandle(handle)) {
    throw invalid("ERX-Med-Dev-Handle is neither 8 bytes with the top bits 00 nor 4 bytes with the top bits 01");
  }
  if (!isIPv4(address)) throw invalid("ERX-Med-Ip-Address is not an IPv4 address");
  if (port === undefined) throw invalid("ERX-Med-Port-Number is not between 1 and 65535");
  return { action, handle, mediation: { address, port } };
}

/** 16 hex digits with the top two bits 00, or 8 with 01. */
function isHandle(digits: string): boolean {
  return /^[0-3][0-9a-f]{15}$/.test(digits) || /^[4-7][0-9a-f]{7}$/.test(digits);
}

const NOKIA_ACTIONS = new Map<string, LiInstruction["action"]>([
  ["1", "noop"],
  ["2", "on"],
  ["3", "off"],
  ["no-action", "noop"],
  ["enable", "on"],
  ["disable", "off"],
]);
const NOKIA_CLEAR = new Set(["4", "clear-dest-service"]);
const NOKIA_DIRECTIONS = new Map<string, "from" | "to">([
  ["1", "from"],
  ["2", "to"],
  ["ingress", "from"],
  ["egress", "to"],
]);

function readNokia(values: LiValues, options: NokiaOptions): LiInstruction {
  const actionText = one(values, "Alc-LI-Action");
  if (NOKIA_CLEAR.has(actionText)) throw unsupported("Alc-LI-Action 4 (clear-dest-service) is not supported");
  // Mirroring all classes where only some were ordered would collect more than was ordered.
  if (values["Alc-LI-FC"] !== undefined) throw unsupported("Alc-LI-FC cannot be honoured");
  const action = NOKIA_ACTIONS.get(actionText);
  if (action === undefined) throw invalid("Alc-LI-Action is none of 1 (no-action), 2 (enable), 3 (disable)");
  const mediation = nokiaDestination(one(values, "Alc-LI-Destination"), options);
  const interceptId = number(values, "Alc-LI-Intercept-Id", options.directionBit ? 0x1fff_ffff : 0x3fff_ffff);
  const sessionId = number(values, "Alc-LI-Session-Id", 0xffff_ffff);
  const direction = nokiaDirection(values);
  return {
    action,
    handle: hexDigits(interceptId) + hexDigits(sessionId),
    mediation,
    ...(direction === undefined ? {} : { direction }),
    header: options.directionBit ? "nokia" : "junos",
  };
}

function nokiaDirection(values: LiValues): "from" | "to" | undefined {
  if (values["Alc-LI-Direction"] === undefined) return undefined;
  const direction = NOKIA_DIRECTIONS.get(one(values, "Alc-LI-Direction"));
  if (direction === undefined) throw invalid("Alc-LI-Direction is neither 1 (ingress) nor 2 (egress)");
  return direction;
}

/** A configured service, or `address`, `address:port`. */
function nokiaDestination(text: string, options: NokiaOptions): LiInstruction["mediation"] {
  const service = Object.hasOwn(options.services, text) ? options.services[text] : undefined;
  if (service !== undefined) return service;
  const [address = "", portText] = text.split(":", 2);
  const port = portText === undefined ? options.defaultPort : readPort(portText);
  if (!isIPv4(address) || port === undefined) {
    throw invalid("Alc-LI-Destination is neither a configured service nor an IPv4 address with a UDP port");
  }
  return { address, port };
}

/** Nokia's identifiers are 0 where they are left out. */
function number(values: LiValues, name: string, highest: number): number {
  if (values[name] === undefined) return 0;
  const text = one(values, name);
  if (!/^\d{1,10}$/.test(text) || Number(text) > highest) throw invalid(`${name} is not between 0 and ${highest}`);
  return Number(text);
}

function hexDigits(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function one(values: LiValues, name: string): string {
  const [value, ...more] = values[name] ?? [];
  if (value === undefined) throw new Refusal(ERROR_CAUSE.missingAttribute, `${name} is missing`);
  if (more.length > 0) throw invalid(`${name} occurs more than once`);
  return value;
}

function invalid(detail: string): Refusal {
  return new Refusal(ERROR_CAUSE.invalidRequest, detail);
}

function unsupported(detail: string): Refusal {
  return new Refusal(ERROR_CAUSE.unsupportedAttribute, detail);
}
