/** Whether an order may be carried out: signatures, authorities, time and replay, in one place. Pure. */

import { timesOf } from "../../events/li-terms.js";
import type { ParsedEvent } from "../../events/parse.js";
import { nasToken } from "../../events/subjects.js";
import { SecurityError } from "../errors.js";
import { type Authority, type AuthorityTable, checkInstruction, checkNas, type KnownKey } from "./authorities.js";
import { attributesDigest, type Order, parseOrder, type RadiusOrder, type TaskOrder } from "./payload.js";
import type { OrderPlace, ReplayView } from "./replay.js";
import { type SignedOrder, verifySignatures } from "./signed.js";
import type { Warrant } from "./warrant.js";

export interface DecisionContext {
  /** Unix time in milliseconds. */
  readonly now: number;
  /** How far clocks may be apart, in milliseconds. */
  readonly toleranceMs: number;
  /** The longest validity that the instruction of an event may have: so long it has to be remembered. */
  readonly maxWindowMs: number;
  readonly authorities: AuthorityTable;
  /** Tasks are signed by two distinct authorities. */
  readonly twoPersonRule: boolean;
  readonly replay: ReplayView;
}

interface Accepted {
  /** Names of the authorities that signed. */
  readonly by: readonly string[];
  /** Taken before, at the same place: it is delivered again, and nothing new. */
  readonly repeated: boolean;
}

export interface AcceptedRadiusOrder extends Accepted {
  readonly order: RadiusOrder;
  /** End of the intercept that it starts: Unix time in milliseconds. */
  readonly notAfter: number;
}

export interface AcceptedTaskOrder extends Accepted {
  readonly order: TaskOrder;
  /** Begin and end of the warrant. Undefined for `deactivate`. */
  readonly validity?: { readonly begins: number; readonly ends: number };
}

/** The instruction of an event. Throws SecurityError with the reason of the refusal. */
export function decideRadiusOrder(
  signed: SignedOrder,
  event: Pick<ParsedEvent, "id" | "type" | "nas" | "time" | "attributes">,
  place: OrderPlace,
  context: DecisionContext,
): AcceptedRadiusOrder {
  const { order, signers } = read(signed, context);
  if (order.kind !== "radius") throw wrongKind();
  const [gateway] = signers;
  if (gateway?.kind !== "gateway" || signers.length > 1) throw wrongKind();
  checkBinding(order, event);
  checkNas(gateway, nasToken(event.nas));
  const repeated = checkTimeAndReplay(order, place, context.maxWindowMs, context);
  // A gateway whose clock runs ahead, or that lies, must not gain by it: notBefore has been checked against our own.
  const notAfter = Math.min(event.time, order.notBefore) + gateway.maxDurationMs;
  if (order.li.action !== "stop-in-force") {
    checkInstruction(gateway, order.li);
    if ((timesOf(order.li).notAfter ?? 0) > notAfter) throw tooLong();
  }
  return { order, by: [gateway.name], repeated, notAfter };
}

/** A task by warrant. Throws SecurityError with the reason of the refusal. */
export function decideTaskOrder(
  signed: SignedOrder,
  task: string,
  place: OrderPlace,
  context: DecisionContext,
): AcceptedTaskOrder {
  const { order, signers } = read(signed, context);
  if (order.kind !== "task" || signers.some(({ kind }) => kind !== "authority")) throw wrongKind();
  if (order.task !== task) throw new SecurityError("wrong-event", "the order was made for another task");
  // Whoever may start it alone may not; whoever ends it may be alone: ending is the safe side.
  const names = [...new Set(signers.map(({ name }) => name))];
  if (context.twoPersonRule && order.action !== "deactivate" && names.length < 2) {
    throw new SecurityError("second-signature-missing", "two distinct authorities have to sign, and one has");
  }
  // A node that comes later has to find the order valid as long as its warrant is.
  const longest = Math.min(...signers.map(({ maxDurationMs }) => maxDurationMs));
  // Nor may an end ever come too late: whoever reads the beginning later has to read the end, too.
  const timely = order.action === "deactivate" ? { ...order, notAfter: Math.max(order.notAfter, context.now) } : order;
  const repeated = checkTimeAndReplay(timely, place, order.action === "deactivate" ? Infinity : longest, context);
  if (!repeated && order.serial <= context.replay.serialOf(task)) {
    throw new SecurityError("superseded", "a later order of the same task has been taken already");
  }
  if (order.warrant === undefined) return { order, by: names, repeated };
  return { order, by: names, repeated, validity: checkWarrant(order.warrant, order, longest, signers) };
}

function read(signed: SignedOrder, { authorities }: DecisionContext): { order: Order; signers: readonly Authority[] } {
  const keys: KnownKey[] = [];
  verifySignatures(signed, (publicKey) => {
    const known = authorities.find(publicKey);
    if (known !== undefined) keys.push(known);
    return known?.verifier;
  });
  // Nothing of the contents is looked at before the signatures are good.
  return { order: parseOrder(signed.payload), signers: keys.map(({ authority }) => authority) };
}

function checkBinding({ event: bound }: RadiusOrder, event: Parameters<typeof decideRadiusOrder>[1]): void {
  const same =
    bound.id === event.id &&
    bound.type === event.type &&
    bound.nas === event.nas &&
    bound.time === event.time &&
    bound.attributes === attributesDigest(event.attributes);
  if (!same) throw new SecurityError("wrong-event", "the order was made for another event, or the event was altered");
}

/** True where the order was taken before at this place. */
function checkTimeAndReplay(order: Order, place: OrderPlace, maxWindowMs: number, context: DecisionContext): boolean {
  const taken = context.replay.placeOf(order.id);
  if (taken === place) return true;
  if (taken !== undefined) throw new SecurityError("replayed", "the order has been taken before");
  const { notBefore, notAfter } = order;
  if (notAfter - notBefore > maxWindowMs) {
    throw new SecurityError(
      "window-too-long",
      "the order is valid for longer than its signer may order, or than orders are remembered",
    );
  }
  if (context.now > notAfter) throw new SecurityError("expired", "the order's validity is over");
  if (context.now < notBefore - context.toleranceMs) {
    throw new SecurityError("not-yet-valid", "the order's validity has not begun: check the clocks");
  }
  if (!context.replay.hasRoom) {
    throw new SecurityError("replay-memory-full", "no more orders can be remembered until older ones expire");
  }
  return false;
}

function checkWarrant(
  { li, subject }: Warrant,
  order: TaskOrder,
  longest: number,
  signers: readonly Authority[],
): { begins: number; ends: number } {
  const { notBefore: begins = order.notBefore, notAfter: ends = begins + longest } = timesOf(li);
  if (ends - begins > longest) throw tooLong();
  for (const authority of signers) {
    checkInstruction(authority, li);
    if (subject.nas !== undefined) checkNas(authority, nasToken(subject.nas));
    else if (authority.nas !== undefined) {
      throw new SecurityError("nas-not-allowed", "the warrant must name one of the NASes of the signing authority");
    }
  }
  return { begins, ends };
}

function tooLong(): SecurityError {
  return new SecurityError("duration-too-long", "the intercept is longer than the signing authority may order");
}

function wrongKind(): SecurityError {
  return new SecurityError("wrong-kind", "the signing key may not sign an order of this kind");
}
