/**
 * An event with its attributes and its instruction sealed: what the gateway publishes in strict mode. In the clear stay the
 * id, the type, the NAS and the time, which are bound to what is sealed.
 */
import { randomUUID } from "node:crypto";
import { EventError } from "../../events/errors.js";
import { type LiOrder, parseLi } from "../../events/li.js";
import { type EventFrame, isObject } from "../../events/parse.js";
import type { RadiusAttributes, RadiusEvent, RadiusEventType, SealedRadiusEvent } from "../../events/types.js";
import { withoutVendorLi } from "../../events/vendor-li.js";
import type { Signer } from "../keys/signing-key.js";
import { attributesDigest, type RadiusOrder } from "../orders/payload.js";
import { formatSigned, signOrder } from "../orders/signed.js";
import type { DataKey } from "../seal/data-key.js";
import type { Keyring, Opened } from "../seal/keyring.js";
import { MissingDataKeyError } from "../seal/text.js";

export interface EventSealing {
  readonly signer: Signer;
  readonly key: DataKey;
  /** How long the agents may take to get an instruction, in milliseconds. */
  readonly orderValidityMs: number;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** What is sealed. */
export interface EventContents {
  readonly attributes: unknown;
  /** A signed order. */
  readonly li?: unknown;
}

/** Throws EventError where the event's instruction is none. */
export function sealEvent(event: RadiusEvent, sealing: EventSealing): SealedRadiusEvent {
  const type = event.type.slice("radius.".length) as RadiusEventType;
  const attributes = withoutVendorLi(event.data.attributes);
  const order = instructionOf(event, type);
  const li = order === undefined ? undefined : signInstruction(event, type, attributes, order, sealing);
  const contents: EventContents = { attributes, ...(li !== undefined && { li }) };
  const frame: EventFrame = { id: event.id, type: event.type, nas: event.data.nas, time: event.time };
  const sealed = sealing.key.seal(Buffer.from(JSON.stringify(contents)), contextOf(frame));
  return { ...event, data: { nas: event.data.nas, sealed: sealed.toString("base64url") } };
}

/** Throws EventError, or MissingDataKeyError where the key may still be on its way. */
export function openEvent(
  sealed: string,
  frame: EventFrame,
  keyring: Keyring,
): { contents: EventContents; by: string } {
  const opened: Opened = keyring.open(Buffer.from(sealed, "base64url"), "events", contextOf(frame));
  if (opened.kind === "no-key") throw new MissingDataKeyError(opened.key);
  const contents: unknown = opened.kind === "opened" ? parse(opened.plain) : undefined;
  if (opened.kind !== "opened" || !isObject(contents)) {
    throw new EventError("data.sealed", "data.sealed was altered, or sealed for another event");
  }
  return { contents: { attributes: contents.attributes, li: contents.li }, by: opened.by };
}

function instructionOf(event: RadiusEvent, type: RadiusEventType): LiOrder | undefined {
  const { li, attributes } = event.data;
  const read = parseLi(type, li, attributes);
  switch (read.kind) {
    case "none":
      return undefined;
    case "plain":
      return read.order;
    case "refused":
      throw read.problem;
    case "sealed":
      throw new EventError("li", "li is sealed already");
  }
}

function signInstruction(
  event: RadiusEvent,
  type: RadiusEventType,
  attributes: RadiusAttributes,
  li: LiOrder,
  { signer, now, orderValidityMs }: EventSealing,
): string {
  const order: RadiusOrder = {
    v: 1,
    kind: "radius",
    id: randomUUID(),
    notBefore: now,
    notAfter: now + orderValidityMs,
    event: {
      id: event.id,
      type,
      nas: event.data.nas,
      time: Date.parse(event.time),
      attributes: attributesDigest(attributes),
    },
    li,
  };
  return formatSigned(signOrder(order, signer));
}

function contextOf({ id, type, nas, time }: EventFrame): string {
  return JSON.stringify(["event", id, type, nas, time]);
}

function parse(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString("utf8"));
  } catch {
    return undefined;
  }
}
