/** What an event says about mirroring: the `li` object, or the vendors' raw attributes, made one checked instruction. */
import { InterceptError } from "../intercepts/errors.js";
import { parseHandle, requireRoom } from "../intercepts/handle.js";
import { mediationAddress, mediationPort } from "../intercepts/mediation.js";
import { EventError } from "./errors.js";
import { number, objectWith, oneOf, optional, string } from "./fields.js";
import type { TriggerType } from "./li-event.js";
import { checkLiTerms, TERM_KEYS, termsFromObject } from "./li-terms.js";
import { ERROR_CAUSE, type LiInstruction, type RadiusAttributes, type RadiusEventType } from "./types.js";
import { hasVendorLi, instructionFromAttributes } from "./vendor-li.js";

/** Nokia's `disable` need not repeat the values: it stops what is in force. */
export type LiOrder = LiInstruction | { readonly action: "stop-in-force" };

/** By what right an instruction is carried out, and how long that lasts. */
export interface Mandate {
  /** Id of the signed order; absent in lab mode. */
  readonly order?: string;
  /** Names of the authorities that signed it. */
  readonly by?: readonly string[];
  /** Unix time in milliseconds: the intercept ends then at the latest. */
  readonly notAfter: number;
  /** Where it was ordered by warrant. */
  readonly warrant?: WarrantMandate;
}

export interface WarrantMandate {
  readonly task: string;
  /** By what the subject was found. */
  readonly trigger: { readonly type: TriggerType; readonly value: string };
  /** Only what of the session's addresses lies in this prefix is meant; CIDR. */
  readonly within?: string;
}

export type EventLi =
  | { readonly kind: "none" }
  /** `isRepeated`: this node has taken the order before, and reads it again. */
  | { readonly kind: "plain"; readonly order: LiOrder; readonly mandate?: Mandate; readonly isRepeated?: boolean }
  /** Strict mode: sealed and signed text, opened by whoever has the keys. */
  | { readonly kind: "sealed"; readonly text: string }
  | { readonly kind: "refused"; readonly problem: EventError };

const NONE: EventLi = { kind: "none" };
const MAX_SEALED = 16_384;

export function parseLi(type: RadiusEventType, li: unknown, attributes: RadiusAttributes): EventLi {
  const raw = hasVendorLi(attributes);
  if (li === undefined && !raw) return NONE;
  try {
    if (type !== "access-accept" && type !== "coa") {
      throw new EventError(
        "li",
        `li is expected in an access-accept or a coa, not in ${type}`,
        ERROR_CAUSE.unsupportedAttribute,
      );
    }
    if (li === undefined) return { kind: "plain", order: checkOrder(instructionFromAttributes(attributes)) };
    if (raw) throw new EventError("li", "li must not stand beside the vendor's mirroring attributes: one of the two");
    if (typeof li === "string") return sealed(li);
    return { kind: "plain", order: checkOrder(instructionFromObject(li)) };
  } catch (error) {
    return { kind: "refused", problem: asEventError(error) };
  }
}

/** Reads the plain object, also the one that a sealed text holds. Throws EventError. */
export function instructionFromObject(li: unknown): LiInstruction {
  const fields = objectWith("li", li, ["action", "handle", "mediation", "direction", "header", ...TERM_KEYS]);
  for (const name of ["action", "handle", "mediation"]) required(`li.${name}`, fields[name]);
  const mediation = objectWith("li.mediation", fields.mediation, ["address", "port", "portTo"]);
  for (const name of ["address", "port"]) required(`li.mediation.${name}`, mediation[name]);
  return {
    action: oneOf("li.action", fields.action, ["on", "off", "noop"]),
    handle: string("li.handle", fields.handle),
    mediation: {
      address: string("li.mediation.address", mediation.address),
      port: number("li.mediation.port", mediation.port),
      ...optional("li.mediation", mediation, "portTo", number),
    },
    ...optional("li", fields, "direction", (field, value) => oneOf(field, value, ["both", "from", "to"])),
    ...optional("li", fields, "header", (field, value) => oneOf(field, value, ["junos", "nokia"])),
    ...termsFromObject(fields),
  };
}

/** The values of an instruction, checked and made canonical. Throws EventError. */
export function checkOrder(order: LiOrder): LiOrder {
  if (order.action === "stop-in-force") return order;
  try {
    const handle = order.handle.replace(/^0x/i, "").toLowerCase();
    requireRoom(parseHandle(handle, "handle (ERX-Med-Dev-Handle)"), order.header ?? "junos");
    const address = mediationAddress(order.mediation.address, "mediation.address (ERX-Med-Ip-Address)");
    const port = mediationPort(order.mediation.port, "mediation.port (ERX-Med-Port-Number)");
    const { portTo } = order.mediation;
    if (portTo !== undefined) mediationPort(portTo, "mediation.portTo");
    const mediation = { address, port, ...(portTo !== undefined && { portTo }) };
    return { ...order, ...checkLiTerms(order), handle, mediation };
  } catch (error) {
    throw asEventError(error);
  }
}

function sealed(text: string): EventLi {
  if (text === "" || text.length > MAX_SEALED) {
    throw new EventError("li", `a sealed li must have 1 to ${MAX_SEALED} characters`);
  }
  return { kind: "sealed", text };
}

function asEventError(error: unknown): EventError {
  if (error instanceof EventError) return error;
  if (error instanceof InterceptError) return new EventError(error.field, error.message, ERROR_CAUSE.invalidRequest);
  throw error;
}

function required(field: string, value: unknown): void {
  if (value === undefined) {
    throw new EventError(
      field,
      `${field} is missing: action, handle, mediation address and port come together`,
      ERROR_CAUSE.missingAttribute,
    );
  }
}
