/** Orders of authorities as the command line publishes them. */
import { randomUUID } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { parseResult } from "../../src/bus/publisher.js";
import { taskSubject } from "../../src/events/subjects.js";
import type { EventResult, LiInstruction } from "../../src/events/types.js";
import type { Signer } from "../../src/security/keys/signing-key.js";
import type { TaskOrder } from "../../src/security/orders/payload.js";
import { countersign, formatSigned, type SignedOrder, signOrder } from "../../src/security/orders/signed.js";
import type { WarrantSubject } from "../../src/security/orders/warrant.js";
import { sealTextTo } from "../../src/security/seal/text.js";
import { taskContext } from "../../src/security/strict-trust.js";
import { li } from "./events.js";
import { DAY } from "./security.js";

let serial = Date.now();

export function warrantLi(changes: Partial<LiInstruction> = {}): LiInstruction {
  return li("on", { handle: "40001234", ...changes });
}

export function activation(
  task: string,
  subject: WarrantSubject,
  changes: Partial<LiInstruction> = {},
  more: Partial<TaskOrder> = {},
): TaskOrder {
  return {
    ...frame(task, more),
    action: "activate",
    warrant: { reference: `W-${task}`, subject, li: warrantLi(changes) },
  };
}

export function modification(task: string, subject: WarrantSubject, changes: Partial<LiInstruction> = {}): TaskOrder {
  return { ...activation(task, subject, changes), action: "modify" };
}

export function deactivation(task: string): TaskOrder {
  return { ...frame(task), action: "deactivate" };
}

function frame(task: string, more: Partial<TaskOrder> = {}): Omit<TaskOrder, "action" | "warrant"> {
  const now = Date.now();
  serial += 1;
  return { v: 1, kind: "task", id: randomUUID(), notBefore: now - 1000, notAfter: now + DAY, task, serial, ...more };
}

export class Desk {
  constructor(
    private readonly connection: NatsConnection,
    private readonly readers: readonly string[],
  ) {}

  seal(order: TaskOrder, signers: readonly Signer[]): string {
    const [first, ...others] = signers as [Signer, ...Signer[]];
    const signed = others.reduce<SignedOrder>((so, signer) => countersign(so, signer), signOrder(order, first));
    return sealTextTo(this.readers, formatSigned(signed), taskContext(order.task));
  }

  /** Publishes and waits for the first agent's answer. */
  async ask(order: TaskOrder, ...signers: readonly Signer[]): Promise<EventResult> {
    const answers = this.connection.subscribe(`submirror.result.${order.id}`, { timeout: 20_000 });
    await this.publish(order.task, this.seal(order, signers));
    for await (const { data } of answers) {
      const result = parseResult(data);
      answers.unsubscribe();
      if (result !== undefined) return result;
    }
    throw new Error("no answer");
  }

  async publish(task: string, text: string): Promise<void> {
    await jetstream(this.connection).publish(taskSubject(task), text);
  }
}
