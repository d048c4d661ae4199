/** Strict mode: events are opened, instructions verified and decided upon, every decision goes on record. */
import { EventError } from "../events/errors.js";
import type { EventLi } from "../events/li.js";
import { type ContentsOpener, type ParsedEvent, parseEvent, plainContents } from "../events/parse.js";
import { nasToken, taskOfSubject } from "../events/subjects.js";
import { ERROR_CAUSE } from "../events/types.js";
import type { AuditRecord } from "./audit/recorder.js";
import { type RefusalReason, SecurityError } from "./errors.js";
import { openEvent } from "./events/sealed-event.js";
import type { AgentKeys } from "./grants/agent-keys.js";
import type { SealingKey } from "./keys/sealing-key.js";
import { type AuthorityTable, checkNas } from "./orders/authorities.js";
import {
  type AcceptedRadiusOrder,
  type AcceptedTaskOrder,
  type DecisionContext,
  decideRadiusOrder,
  decideTaskOrder,
} from "./orders/decide.js";
import { parseOrder } from "./orders/payload.js";
import type { ReplayJournal } from "./orders/replay-journal.js";
import { parseSigned, SIGNED_PREFIX, type SignedOrder } from "./orders/signed.js";
import { isSealedText, MissingDataKeyError, openText } from "./seal/text.js";
import type { AgentTrust, EventSource } from "./trust.js";

export interface StrictTrustOptions {
  readonly keys: AgentKeys;
  readonly sealingKeys: readonly SealingKey[];
  readonly authorities: AuthorityTable;
  readonly replay: ReplayJournal;
  readonly audit: AuditRecord;
  readonly toleranceMs: number;
  readonly maxWindowMs: number;
  readonly twoPersonRule: boolean;
  /** Whether events are taken whose attributes are not sealed. */
  readonly plainEvents: boolean;
  /** Whether intercepts start also where that cannot be put on record. */
  readonly startsOffRecord: boolean;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  readonly onRefusal: (reason: RefusalReason) => void;
}

/** What the seal of an instruction outside of a sealed event is bound to; the signature binds it to its event. */
export const INSTRUCTION_CONTEXT = "li";

const MAX_TASK_BYTES = 64 * 1024;

/** What the seal of a task's order is bound to. */
export function taskContext(task: string): string {
  return JSON.stringify(["task", task]);
}

function taskPlace(seq: number): string {
  return `TASKS:${seq}`;
}

export class StrictTrust implements AgentTrust {
  readonly audit: AuditRecord;

  constructor(private readonly options: StrictTrustOptions) {
    this.audit = options.audit;
  }

  read(message: EventSource, isLastTry: boolean): ParsedEvent {
    const place = `RADIUS:${message.seq}`;
    let wasSealed = false;
    const open: ContentsOpener = (data, frame) => {
      wasSealed = typeof data.sealed === "string";
      return wasSealed ? this.#open(data.sealed as string, frame, isLastTry) : this.#plain(data);
    };
    let event: ParsedEvent;
    try {
      event = parseEvent(message.data, message.subject, open);
    } catch (error) {
      if (error instanceof EventError) this.#recordUnreadable(error, place);
      throw error;
    }
    if (event.li.kind === "none") return event;
    return { ...event, li: this.#authorize(event, place, wasSealed, isLastTry) };
  }

  readTask({ subject, data, seq }: EventSource): AcceptedTaskOrder {
    const { keys, sealingKeys } = this.options;
    if (data.length > MAX_TASK_BYTES) {
      throw new SecurityError("malformed", `an order of a task must have at most ${MAX_TASK_BYTES} bytes`);
    }
    const task = taskOfSubject(subject);
    const text = Buffer.from(data).toString("utf8");
    const opened = openText(text, taskContext(task), { keyring: keys.keyring, sealingKeys });
    const signed = parseSigned(opened);
    try {
      return decideTaskOrder(signed, task, taskPlace(seq), this.#context());
    } catch (error) {
      if (error instanceof SecurityError) error.order = orderIdIn(signed);
      throw error;
    }
  }

  acceptTask({ seq }: EventSource, { order, by, validity }: AcceptedTaskOrder): void {
    const { id, task, serial, action, warrant } = order;
    const place = taskPlace(seq);
    const until = Math.max(order.notAfter, validity?.ends ?? 0);
    this.options.replay.take({ id, place, until, task: { id: task, serial } });
    this.audit.order({ order: id, task, place, by, about: { action, warrant } });
  }

  refuseTask({ subject, seq }: EventSource, reason: RefusalReason): void {
    this.options.onRefusal(reason);
    this.audit.order({ task: taskOfSubject(subject), place: taskPlace(seq), refused: reason });
  }

  serialOf(task: string): number {
    return this.options.replay.serialOf(task);
  }

  fetchKey(key: string): Promise<unknown> {
    return this.options.keys.fetch(key);
  }

  commit(): boolean {
    const { replay, audit, startsOffRecord } = this.options;
    // The audit first: an order that is not on record must not be remembered as taken either.
    const onRecord = audit.commit() || startsOffRecord;
    try {
      replay.commit();
    } catch {
      return false;
    }
    return onRecord;
  }

  hasEnded(key: string): boolean {
    return this.options.replay.hasEnded(key);
  }

  ended(key: string, until: number): void {
    this.options.replay.end(key, until);
  }

  #open(sealed: string, frame: Parameters<ContentsOpener>[1], isLastTry: boolean): ReturnType<ContentsOpener> {
    try {
      const { contents, by } = openEvent(sealed, frame, this.options.keys.keyring);
      const gateway = this.options.authorities.find(by)?.authority;
      if (gateway !== undefined) checkNas(gateway, nasToken(frame.nas));
      return contents;
    } catch (error) {
      if (error instanceof MissingDataKeyError && !isLastTry) throw error;
      if (!(error instanceof SecurityError)) throw error;
      this.options.onRefusal(error.reason);
      throw asEventError("data.sealed", error);
    }
  }

  #plain(data: Parameters<ContentsOpener>[0]): ReturnType<ContentsOpener> {
    if (this.options.plainEvents) return plainContents(data);
    this.options.onRefusal("not-sealed");
    const message = "the attributes are not sealed: let the gateway publish them, or set security.plainEvents";
    throw new EventError("data", message, ERROR_CAUSE.administrativelyProhibited);
  }

  #authorize(event: ParsedEvent, place: string, wasSealed: boolean, isLastTry: boolean): EventLi {
    try {
      return this.#accept(event, place, wasSealed);
    } catch (error) {
      if (error instanceof MissingDataKeyError && !isLastTry) throw error;
      if (!(error instanceof SecurityError)) throw error;
      return this.#refuse(event, place, error);
    }
  }

  #accept(event: ParsedEvent, place: string, wasSealed: boolean): EventLi {
    const { li } = event;
    if (li.kind === "refused") throw new SecurityError("malformed", li.problem.message, { cause: li.problem });
    if (li.kind !== "sealed") {
      throw new SecurityError(
        "not-signed",
        "the instruction was not sealed and signed, which security.mode strict demands",
      );
    }
    const signed = parseSigned(this.#unseal(li.text, wasSealed));
    const accepted = decideRadiusOrder(signed, event, place, this.#context());
    const { order, by, notAfter, repeated } = accepted;
    if (!repeated) this.#recordAccepted(event, place, accepted);
    return { kind: "plain", order: order.li, mandate: { order: order.id, by, notAfter }, isRepeated: repeated };
  }

  /** Inside of a sealed event an order is sealed already. */
  #unseal(text: string, wasSealed: boolean): string {
    const { keys, sealingKeys } = this.options;
    if (wasSealed && text.startsWith(SIGNED_PREFIX)) return text;
    if (isSealedText(text)) return openText(text, INSTRUCTION_CONTEXT, { keyring: keys.keyring, sealingKeys });
    throw new SecurityError(
      "not-sealed",
      "the instruction is legible to everybody on the bus: it has to be sealed to the agents",
    );
  }

  #context(): DecisionContext {
    const { clock, toleranceMs, maxWindowMs, authorities, twoPersonRule, replay } = this.options;
    return { now: clock(), toleranceMs, maxWindowMs, authorities, twoPersonRule, replay };
  }

  #recordAccepted(event: ParsedEvent, place: string, { order, by }: AcceptedRadiusOrder): void {
    this.options.replay.take({ id: order.id, place, until: order.notAfter });
    const about = { attributes: event.attributes, li: order.li };
    this.audit.order({ order: order.id, event: event.id, nas: event.nas, place, by, about });
  }

  #refuse(event: ParsedEvent, place: string, error: SecurityError): EventLi {
    this.options.onRefusal(error.reason);
    this.audit.order({
      event: event.id,
      nas: event.nas,
      place,
      refused: error.reason,
      about: { attributes: event.attributes },
    });
    return { kind: "refused", problem: error.cause instanceof EventError ? error.cause : asEventError("li", error) };
  }

  #recordUnreadable({ eventId }: EventError, place: string): void {
    this.audit.order({ ...(eventId !== undefined && { event: eventId }), place, refused: "not-readable" });
  }
}

/** The id that an order claims, so that whoever sent it is answered. */
function orderIdIn({ payload }: SignedOrder): string | undefined {
  try {
    return parseOrder(payload).id;
  } catch {
    return undefined;
  }
}

function asEventError(field: string, error: SecurityError): EventError {
  return new EventError(field, error.message, ERROR_CAUSE.administrativelyProhibited);
}
