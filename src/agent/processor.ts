/** What becomes of one event: read and authorized, decided, programmed, answered. */
import type { Logger } from "pino";
import type { EventMessage, Sender } from "../bus/ports.js";
import { EventError } from "../events/errors.js";
import type { LiEvent } from "../events/li-event.js";
import { resultSubject } from "../events/subjects.js";
import { ERROR_CAUSE, type EventResult } from "../events/types.js";
import type { AgentMetrics } from "../metrics/agent-metrics.js";
import { MissingDataKeyError } from "../security/seal/text.js";
import type { AgentTrust } from "../security/trust.js";
import { type Decision, NOTHING, type Outcome, rejected } from "../sessions/decision.js";
import type { SequencedEvent } from "../sessions/rules/context.js";
import type { Applier } from "./applier.js";
import { DeadLetters } from "./dead-letters.js";

export interface ProcessorOptions {
  readonly node: string;
  readonly applier: Applier;
  /** An event of a NAS is about to be carried out. */
  readonly heard: (event: SequencedEvent) => void;
  readonly trust: AgentTrust;
  readonly sender: Sender;
  /** Tells the mediation side. */
  readonly notify: (notification: LiEvent) => void;
  readonly metrics: AgentMetrics;
  readonly log: Logger;
  readonly logSubjects: boolean;
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

/** Answers that wait for the kernel, while the state is rebuilt. */
interface HeldAnswer {
  readonly event: SequencedEvent;
  readonly decision: Decision;
}

/** Whoever published an older event waits no more. */
const ANSWER_WITHIN_MS = 60_000;
const MAX_HELD = 10_000;

export class Processor {
  readonly #nases = new Map<string, string>();
  readonly #deadLetters: DeadLetters;
  #held: HeldAnswer[] = [];

  constructor(private readonly options: ProcessorOptions) {
    this.#deadLetters = new DeadLetters(options.node, options.sender, options.metrics);
  }

  /** The event in the message; undefined where it was refused, or failed. Throws MissingDataKeyError unless it is the last try. */
  read(message: EventMessage, isLastTry: boolean): SequencedEvent | undefined {
    try {
      return this.#read(message, isLastTry);
    } catch (error) {
      if (error instanceof MissingDataKeyError) throw error;
      this.#fault(message, error);
      return undefined;
    }
  }

  carryOut(event: SequencedEvent, message: EventMessage): void {
    try {
      this.#apply(event);
    } catch (error) {
      this.#fault(message, error);
    }
  }

  /** The kernel holds what was decided: from now on answers go out at once, and those held back go out now. */
  releaseAnswers(hasFailed: (key: string) => boolean): void {
    const held = this.#held;
    this.#held = [];
    for (const { event, decision } of held) {
      const failed = decision.transitions.some(({ after }) => after?.intercepts.some(({ key }) => hasFailed(key)));
      const refused: Outcome = { result: "rejected", errorCause: 506, detail: "the datapath refused the intercept" };
      this.#answer(
        event,
        failed && decision.outcome?.result === "applied" ? { ...decision, outcome: refused } : decision,
      );
    }
  }

  /** A fault of ours must not stop the events behind this one. */
  #fault(message: EventMessage, error: unknown): void {
    const { metrics, log } = this.options;
    const reason = faultOf(error);
    metrics.event("malformed", "failed");
    log.error({ seq: message.seq, reason }, "an event could not be processed; this is a fault of submirror");
    this.#deadLetters.send(message, "fault", reason);
  }

  #read(message: EventMessage, isLastTry: boolean): SequencedEvent | undefined {
    const { trust, metrics, log } = this.options;
    try {
      const { id, type, nas, time, attributes, li } = trust.read(message, isLastTry);
      return { id, type, nas: this.#internedNas(nas), time, attributes, li, seq: message.seq };
    } catch (error) {
      if (!(error instanceof EventError)) throw error;
      metrics.event("malformed", "rejected");
      log.warn({ event: error.eventId, field: error.field, reason: error.message }, "event rejected");
      const isForbidden = error.errorCause === ERROR_CAUSE.administrativelyProhibited;
      this.#deadLetters.send(message, isForbidden ? "unauthorized" : "malformed", error.message, error.field);
      if (error.eventId !== undefined) this.#publish(error.eventId, rejected(error));
      return undefined;
    }
  }

  #apply(event: SequencedEvent): void {
    const { applier, clock, heard } = this.options;
    heard(event);
    const decision = applier.apply(event, clock());
    if (applier.live) this.#answer(event, decision);
    else if (clock() - event.time < ANSWER_WITHIN_MS && this.#held.length < MAX_HELD)
      this.#held.push({ event, decision });
    else this.#count(event, decision);
  }

  #answer(event: SequencedEvent, decision: Decision): void {
    this.#count(event, decision);
    for (const notification of decision.notifications) this.options.notify(notification);
    if (decision.outcome !== undefined) this.#publish(event.id, decision.outcome);
  }

  #publish(eventId: string, outcome: Outcome): void {
    const result: EventResult = { node: this.options.node, event: eventId, ...outcome };
    this.options.sender.send(resultSubject(eventId), JSON.stringify(result));
  }

  #count(event: SequencedEvent, decision: Decision): void {
    const { metrics, applier, clock } = this.options;
    const { outcome } = decision;
    if (outcome !== undefined) this.#record(event, outcome);
    metrics.event(event.type, outcome?.result ?? (decision === NOTHING ? "duplicate" : "recorded"));
    if (outcome === undefined) return;
    if (outcome.result === "applied" && applier.live) metrics.activated((clock() - event.time) / 1000);
    this.#log(event, outcome);
  }

  #record(event: SequencedEvent, { result, errorCause }: Outcome): void {
    if (event.li.kind === "none") return;
    this.options.trust.audit.result({ event: event.id, result, ...(errorCause !== undefined && { errorCause }) });
  }

  #log(event: SequencedEvent, outcome: Outcome): void {
    const { log, logSubjects } = this.options;
    const fields = {
      event: event.id,
      type: event.type,
      nas: event.nas,
      ...outcome,
      ...(logSubjects && {
        userName: event.attributes["User-Name"],
        acctSessionId: event.attributes["Acct-Session-Id"],
      }),
    };
    if (outcome.result === "rejected") log.warn(fields, "event rejected");
    else log.info(fields, "event carried out");
  }

  /** One string for each NAS, in place of one a session. */
  #internedNas(nas: string): string {
    const known = this.#nases.get(nas);
    if (known !== undefined) return known;
    this.#nases.set(nas, nas);
    return nas;
  }
}

/** Where it happened, not what was in it: a message may quote its input. */
function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const place = error.stack?.split("\n").find((line) => line.trim().startsWith("at "));
  return `${error.name} ${place?.trim() ?? ""}`;
}
