/** Orders of the stream of tasks: verified, put on record, carried out, answered. */
import type { Logger } from "pino";
import type { Sender } from "../bus/ports.js";
import { resultSubject, taskOfSubject } from "../events/subjects.js";
import { ERROR_CAUSE, type EventResult } from "../events/types.js";
import { SecurityError } from "../security/errors.js";
import type { AcceptedTaskOrder } from "../security/orders/decide.js";
import type { AgentTrust, EventSource } from "../security/trust.js";
import { Deadlines } from "./deadlines.js";
import type { Reach, Warrants } from "./warrants.js";

export interface TaskParts {
  readonly node: string;
  readonly trust: AgentTrust;
  readonly warrants: Warrants;
  readonly sender: Sender;
  readonly log: Logger;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** Milliseconds since some moment; never steps. */
  readonly steadyClock: () => number;
}

export class Tasks {
  readonly #deadlines: Deadlines<string>;
  #isCatchingUp = true;

  constructor(private readonly parts: TaskParts) {
    this.#deadlines = new Deadlines(parts.clock, parts.steadyClock);
  }

  take(message: EventSource): void {
    const { trust } = this.parts;
    let accepted: AcceptedTaskOrder | undefined;
    try {
      accepted = trust.readTask(message);
      this.parts.warrants.registry.check(accepted);
      if (!accepted.repeated) this.#putOnRecord(message, accepted);
      this.#carryOut(accepted);
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error;
      error.order ??= accepted?.order.id;
      // What the stream has kept beyond its end is no news to anybody.
      if (this.#isCatchingUp && error.reason === "expired") return;
      this.#refuse(message, error);
    } finally {
      trust.commit();
    }
  }

  /** What the stream holds has been read. A task whose later orders it has lost is withheld: it may have been ended. */
  caughtUp(): void {
    const { trust, warrants, log } = this.parts;
    this.#isCatchingUp = false;
    for (const { id, serial } of [...warrants.registry.all()]) {
      if (trust.serialOf(id) <= serial) continue;
      warrants.remove(id, "orders are missing");
      trust.audit.result({ task: id, result: "withheld" });
      log.error(
        { task: id },
        "the stream of tasks has lost later orders of a task: it is withheld until it is ordered anew",
      );
    }
    trust.commit();
  }

  /** Ends what is over. To be called every now and then; the kernel has ended it on time. */
  expire(): void {
    const { trust, warrants, log } = this.parts;
    for (const id of this.#deadlines.takeOverdue()) {
      const { sessions } = warrants.remove(id, "the warrant's validity is over");
      trust.audit.result({ task: id, result: "expired" });
      log.info({ task: id, sessions }, "a warrant's validity is over");
    }
    trust.commit();
  }

  #refuse(message: EventSource, { reason, message: detail, order }: SecurityError): void {
    const { trust, log, node, sender } = this.parts;
    trust.refuseTask(message, reason);
    log.warn({ task: taskOfSubject(message.subject), reason, detail }, "order of a task refused");
    if (order === undefined || this.#isCatchingUp) return;
    const errorCause = ERROR_CAUSE.administrativelyProhibited;
    const result: EventResult = { node, event: order, result: "rejected", errorCause, detail };
    sender.send(resultSubject(order), JSON.stringify(result));
  }

  #putOnRecord(message: EventSource, accepted: AcceptedTaskOrder): void {
    const { trust } = this.parts;
    trust.acceptTask(message, accepted);
    if (trust.commit() || accepted.order.action === "deactivate") return;
    throw new SecurityError("audit-unavailable", "the audit log cannot be written, and nothing starts off the record");
  }

  #carryOut(accepted: AcceptedTaskOrder): void {
    const { trust, warrants } = this.parts;
    const { order, validity, repeated } = accepted;
    const reach = warrants.take(accepted);
    if (validity === undefined) this.#deadlines.delete(order.task);
    else this.#deadlines.set(order.task, validity.ends);
    if (repeated) return;
    const result = this.#answer(accepted, reach);
    trust.audit.result({ task: order.task, result: result.result });
  }

  #answer({ order }: AcceptedTaskOrder, { sessions, refused }: Reach): EventResult {
    const { node, sender, log } = this.parts;
    const common = { node, event: order.id };
    const mirrored = `${sessions - refused} ${sessions - refused === 1 ? "session" : "sessions"}`;
    const result: EventResult =
      refused > 0
        ? {
            ...common,
            result: "rejected",
            errorCause: ERROR_CAUSE.resourcesUnavailable,
            detail: `${mirrored} mirrored, ${refused} refused by the datapath; they are tried again`,
          }
        : { ...common, result: order.action === "deactivate" ? "stopped" : "applied", detail: `${mirrored} now` };
    sender.send(resultSubject(order.id), JSON.stringify(result));
    log.info(
      { task: order.task, action: order.action, result: result.result, sessions },
      "order of a task carried out",
    );
    return result;
  }
}
