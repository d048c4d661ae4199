/** How sessions end, and their intercepts with them. */
import { valueOf } from "../../events/attributes.js";
import type { LiEvent } from "../../events/li-event.js";
import type { RadiusAttributes } from "../../events/types.js";
import type { Decision } from "../decision.js";
import { notifyIntercept } from "../notify.js";
import type { Session } from "../session.js";
import type { RuleContext, SequencedEvent } from "./context.js";

/** `reason` where the event has no Acct-Terminate-Cause. */
export function endSession(
  session: Session,
  reason: string | undefined,
  event: SequencedEvent,
  context: RuleContext,
): Decision {
  return endSessions([session], reason, event, context);
}

export function endSessions(
  sessions: readonly Session[],
  reason: string | undefined,
  event: SequencedEvent,
  context: RuleContext,
): Decision {
  const notifications: LiEvent[] = [];
  for (const session of sessions) {
    for (const intercept of session.intercepts) {
      notifications.push(
        notifyIntercept(
          "LiSubscriberLoggedOut",
          session,
          intercept,
          context.now,
          terminationOf(event.attributes, reason),
        ),
      );
    }
  }
  // A Disconnect is asked of the NAS, which may go on with the session all the same.
  const isFinal = event.type !== "disconnect";
  return { transitions: sessions.map((before) => ({ before, seq: event.seq, isFinal })), notifications };
}

function terminationOf(attributes: RadiusAttributes, reason: string | undefined) {
  const terminationReason = reason ?? first(attributes, "Acct-Terminate-Cause");
  const inputOctets = octets(attributes, "Acct-Input-Octets", "Acct-Input-Gigawords");
  const outputOctets = octets(attributes, "Acct-Output-Octets", "Acct-Output-Gigawords");
  return {
    ...(terminationReason !== undefined && { terminationReason }),
    ...(inputOctets !== undefined && { inputOctets }),
    ...(outputOctets !== undefined && { outputOctets }),
  };
}

/** RFC 2869 section 5.1: gigawords count how often the 32-bit octet counter wrapped. */
function octets(attributes: RadiusAttributes, low: string, high: string): string | undefined {
  const [octetCount, wraps] = [first(attributes, low), first(attributes, high) ?? "0"];
  if (octetCount === undefined || !/^\d{1,10}$/.test(octetCount) || !/^\d{1,10}$/.test(wraps)) return undefined;
  return ((BigInt(wraps) << 32n) + BigInt(octetCount)).toString();
}

/** Of use to the mediation side, not a reason to refuse the end of a session: malformed is as good as absent. */
function first(attributes: RadiusAttributes, name: string): string | undefined {
  try {
    return valueOf(attributes, name);
  } catch {
    return undefined;
  }
}
