/** The rule engine: sessions and an event in, what is to be done about it out. Pure: no I/O, no clock, nothing changed. */
import { EventError } from "../events/errors.js";
import { answer, type Decision, NOTHING, rejected } from "./decision.js";
import { accountingOnOff, accountingStop, accountingUpdate } from "./rules/accounting.js";
import { coa, disconnect } from "./rules/coa.js";
import type { RuleContext, SequencedEvent } from "./rules/context.js";
import { accessAccept } from "./rules/login.js";
import type { SessionReader } from "./store.js";

/**
 * What `event` means for the sessions known to `reader`. A malformed event is answered, never thrown.
 * An event that was applied already (by its stream sequence) means nothing.
 */
export function decide(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  try {
    const decision = applyRule(reader, event, context);
    // Mirroring was asked for where it cannot be: the facts count, the instruction does not.
    if (decision.outcome === undefined && decision !== NOTHING && event.li.kind === "refused") {
      return { ...decision, outcome: rejected(event.li.problem) };
    }
    return decision;
  } catch (error) {
    if (error instanceof EventError) return answer(rejected(error));
    throw error;
  }
}

function applyRule(reader: SessionReader, event: SequencedEvent, context: RuleContext): Decision {
  switch (event.type) {
    case "access-accept":
      return accessAccept(reader, event, context);
    case "accounting-start":
    case "accounting-interim":
      return accountingUpdate(reader, event, context);
    case "accounting-stop":
      return accountingStop(reader, event, context);
    case "accounting-on":
    case "accounting-off":
      return accountingOnOff(reader, event, context);
    case "coa":
      return coa(reader, event, context);
    case "disconnect":
      return disconnect(reader, event, context);
  }
}
