/** What orders say. Everything is checked when it is read: a signature tells who wrote it, not that it makes sense. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { EventError } from "../../events/errors.js";
import { checkOrder, instructionFromObject, type LiOrder } from "../../events/li.js";
import type { RadiusAttributes } from "../../events/types.js";
import { canonicalBytes, parseCanonical } from "../canonical.js";
import { SecurityError } from "../errors.js";
import { type Warrant, warrantSchema } from "./warrant.js";

interface OrderFrame {
  readonly v: 1;
  /** Names this order for good: the same is never carried out twice. */
  readonly id: string;
  /** Unix time in milliseconds; the order has to be taken between the two, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What an instruction belongs to, so that it cannot be cut out and put into another event. */
export interface EventBinding {
  readonly id: string;
  readonly type: string;
  readonly nas: string;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** Hash of all attributes, which name the session. */
  readonly attributes: string;
}

/** The instruction of an Access-Accept or CoA-Request. */
export interface RadiusOrder extends OrderFrame {
  readonly kind: "radius";
  readonly event: EventBinding;
  readonly li: LiOrder;
}

export const TASK_ACTIONS = ["activate", "modify", "deactivate"] as const;
export type TaskAction = (typeof TASK_ACTIONS)[number];

/** Tasking by warrant. */
export interface TaskOrder extends OrderFrame {
  readonly kind: "task";
  readonly task: string;
  /** Grows with each order of the task: an older one is never carried out after a newer one. */
  readonly serial: number;
  readonly action: TaskAction;
  /** Absent for `deactivate`. */
  readonly warrant?: Warrant;
}

export type Order = RadiusOrder | TaskOrder;

export const TASK_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Base64url of SHA-256 over the canonical attributes. */
export function attributesDigest(attributes: RadiusAttributes): string {
  return createHash("sha256").update(canonicalBytes(attributes)).digest("base64url");
}

const time = z.int().min(0).max(8.64e15);
const text = z.string().min(1).max(512);
const frame = { v: z.literal(1), id: z.string().regex(/^[\w-]{8,128}$/), notBefore: time, notAfter: time };

const radiusOrder = z.strictObject({
  ...frame,
  kind: z.literal("radius"),
  event: z.strictObject({ id: text, type: text, nas: text, time, attributes: text }),
  li: z.unknown(),
});

const taskFrame = { ...frame, kind: z.literal("task"), task: z.string().regex(TASK_ID), serial: z.int().min(1) };
const taskOrder = z.discriminatedUnion("action", [
  z.strictObject({ ...taskFrame, action: z.literal("activate"), warrant: warrantSchema }),
  z.strictObject({ ...taskFrame, action: z.literal("modify"), warrant: warrantSchema }),
  z.strictObject({ ...taskFrame, action: z.literal("deactivate") }),
]);

const orderSchema = z.discriminatedUnion("kind", [radiusOrder, taskOrder]);

/** Reads a payload whose signatures are good. Throws SecurityError that names the field, never the value. */
export function parseOrder(payload: Uint8Array): Order {
  const result = orderSchema.safeParse(parseCanonical(payload, "an order"));
  if (!result.success) {
    const path = result.error.issues[0]?.path.join(".") ?? "";
    throw new SecurityError("malformed", `the order's ${path === "" ? "contents are" : `${path} is`} not as expected`);
  }
  const order = result.data;
  return order.kind === "task" ? order : { ...order, li: readInstruction(order.li) };
}

function readInstruction(li: unknown): LiOrder {
  try {
    const { action } = (li ?? {}) as { action?: unknown };
    return action === "stop-in-force" ? { action } : checkOrder(instructionFromObject(li));
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    throw new SecurityError("malformed", error.message, { cause: error });
  }
}
