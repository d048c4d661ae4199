/** Orders onto the bus, and the agents' answers back. */
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { parseResult } from "../bus/publisher.js";
import { readTasks } from "../bus/task-stream.js";
import { resultSubject, taskOfSubject, taskSubject } from "../events/subjects.js";
import type { EventResult } from "../events/types.js";
import { canonicalBytes } from "../security/canonical.js";
import { SecurityError } from "../security/errors.js";
import type { SealingKey } from "../security/keys/sealing-key.js";
import { type AuthorityTable } from "../security/orders/authorities.js";
import { parseOrder, type TaskOrder } from "../security/orders/payload.js";
import { formatSigned, parseSigned, type SignedOrder, verifySignatures } from "../security/orders/signed.js";
import { openText, sealTextTo } from "../security/seal/text.js";
import { taskContext } from "../security/strict-trust.js";

/** Undefined in lab mode, where orders are neither signed nor sealed. */
export interface OrderSealing {
  /** Public sealing keys of the agents, and of whoever may read the order back. */
  readonly readers: readonly string[];
}

/** The text as it goes onto the bus. */
export function orderText(
  order: TaskOrder,
  signed: SignedOrder | undefined,
  sealing: OrderSealing | undefined,
): string {
  if (signed === undefined || sealing === undefined) return canonicalBytes(order).toString("utf8");
  return sealTextTo(sealing.readers, formatSigned(signed), taskContext(order.task));
}

/** Publishes the order and gathers answers for `waitMs`, or until `enough` of them have come. */
export async function publishOrder(
  connection: NatsConnection,
  order: TaskOrder,
  text: string,
  { waitMs, enough }: { readonly waitMs: number; readonly enough: number },
): Promise<EventResult[]> {
  const results: EventResult[] = [];
  const subscription = connection.subscribe(resultSubject(order.id));
  const timer = setTimeout(() => subscription.unsubscribe(), waitMs);
  try {
    await jetstream(connection).publish(taskSubject(order.task), text, { msgID: order.id });
    for await (const { data } of subscription) {
      const result = parseResult(data);
      if (result !== undefined) results.push(result);
      if (results.length >= enough) break;
    }
  } finally {
    clearTimeout(timer);
    subscription.unsubscribe();
  }
  return results;
}

/** The state of a task as the stream tells it. */
export interface ListedTask {
  readonly task: string;
  readonly state: "in force" | "to come" | "over" | "ended" | "sealed to others";
  /** The latest order that counts; undefined where none can be read. */
  readonly order: TaskOrder | undefined;
  /** Names of those who signed, or their keys. */
  readonly by: readonly string[];
}

export interface ReadingKeys {
  readonly sealingKeys: readonly SealingKey[];
  readonly authorities: AuthorityTable;
}

/** Every task of the stream. Orders whose signatures are not good are left out. */
export async function listTasks(
  connection: NatsConnection,
  keys: ReadingKeys | undefined,
  now: number,
): Promise<ListedTask[]> {
  const tasks = new Map<string, ListedTask>();
  for (const { subject, data } of await readTasks(jetstream(connection))) {
    const task = taskOfSubject(subject);
    const read = readOrder(task, Buffer.from(data).toString("utf8"), keys);
    if (read === undefined) {
      if (!tasks.has(task)) tasks.set(task, { task, state: "sealed to others", order: undefined, by: [] });
      continue;
    }
    const before = tasks.get(task)?.order;
    if (before !== undefined && before.serial >= read.order.serial) continue;
    tasks.set(task, { task, ...read, state: stateOf(read.order, now) });
  }
  return [...tasks.values()];
}

function readOrder(
  task: string,
  text: string,
  keys: ReadingKeys | undefined,
): { order: TaskOrder; by: string[] } | undefined {
  try {
    if (keys === undefined) return checked(task, Buffer.from(text), ["lab"]);
    const signed = parseSigned(openText(text, taskContext(task), { sealingKeys: keys.sealingKeys }));
    verifySignatures(signed, (publicKey) => keys.authorities.find(publicKey)?.verifier);
    const by = signed.signatures.map(({ by: key }) => keys.authorities.find(key)?.authority.name ?? key);
    return checked(task, signed.payload, by);
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    return undefined;
  }
}

function checked(task: string, payload: Uint8Array, by: string[]): { order: TaskOrder; by: string[] } | undefined {
  const order = parseOrder(payload);
  return order.kind === "task" && order.task === task ? { order, by } : undefined;
}

function stateOf({ action, warrant, notAfter }: TaskOrder, now: number): ListedTask["state"] {
  if (action === "deactivate") return "ended";
  if (now > notAfter) return "over";
  const begins = warrant?.li.notBefore;
  return begins !== undefined && Date.parse(begins) > now ? "to come" : "in force";
}
