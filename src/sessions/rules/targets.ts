/** Which sessions a CoA or a Disconnect names: those that agree with every identification that it gives. */
import { EventError } from "../../events/errors.js";
import { ERROR_CAUSE } from "../../events/types.js";
import { keyOf } from "../index-keys.js";
import { acctSessionIdOf, readKept } from "../merge.js";
import { type KeptAttributes, OWN_ADDRESS_ATTRIBUTES, type Session } from "../session.js";
import type { SessionReader } from "../store.js";
import type { SequencedEvent } from "./context.js";

/** A name that more sessions share is no name of a subscriber: the request is refused, RFC 5176 has no better word than 404 for it. */
export const MAX_TARGETS = 16;
const COMPARED = ["User-Name", "Calling-Station-Id", "NAS-Port-Id", "NAS-Port", ...OWN_ADDRESS_ATTRIBUTES] as const;

/** Throws EventError where the event names no session at all, or too many. */
export function findTargets(reader: SessionReader, event: SequencedEvent): Session[] {
  const acctSessionId = acctSessionIdOf(event.attributes);
  const kept = readKept(event.attributes);
  const targets: Session[] = [];
  for (const session of new Set(candidates(reader, event.nas, acctSessionId, kept))) {
    if (!agrees(session, acctSessionId, kept)) continue;
    targets.push(session);
    if (targets.length > MAX_TARGETS) {
      throw new EventError(
        "attributes",
        `more than ${MAX_TARGETS} sessions have these attributes: name one by its Acct-Session-Id`,
        ERROR_CAUSE.invalidRequest,
      );
    }
  }
  return targets;
}

function* candidates(
  reader: SessionReader,
  nas: string,
  acctSessionId: string | undefined,
  kept: KeptAttributes,
): Generator<Session> {
  const keys = triggerKeys(kept);
  if (acctSessionId !== undefined) {
    const session = reader.find(nas, acctSessionId);
    if (session !== undefined) yield session;
    // It may be online without us having seen its accounting yet; one that has ended is nobody else's login.
    else if (!reader.hasEnded(nas, acctSessionId)) for (const key of keys) yield* reader.under(nas, keyOf.pending(key));
    return;
  }
  const [key] = keys;
  if (key === undefined) {
    throw new EventError(
      "Acct-Session-Id",
      "the event names no session: Acct-Session-Id, User-Name, Framed-IP-Address, Calling-Station-Id or NAS-Port-Id is expected",
      ERROR_CAUSE.missingAttribute,
    );
  }
  yield* reader.under(nas, key);
}

/** Keys of the identifications given, that which tells most first. */
function triggerKeys(kept: KeptAttributes): string[] {
  const keys: string[] = [];
  if (kept["User-Name"] !== undefined) keys.push(keyOf.userName(kept["User-Name"]));
  if (kept["Framed-IP-Address"] !== undefined) keys.push(keyOf.prefix(kept["Framed-IP-Address"]));
  if (kept["Calling-Station-Id"] !== undefined) keys.push(keyOf.callingStationId(kept["Calling-Station-Id"]));
  if (kept["NAS-Port-Id"] !== undefined) keys.push(keyOf.nasPortId(kept["NAS-Port-Id"]));
  return keys;
}

/** RFC 5176 section 3: all identification attributes have to match. One that the session has no value of does not speak against it. */
function agrees(session: Session, acctSessionId: string | undefined, kept: KeptAttributes): boolean {
  if (acctSessionId !== undefined && session.acctSessionId !== undefined && session.acctSessionId !== acctSessionId)
    return false;
  return COMPARED.every((name) => {
    const [given, held] = [kept[name], session.attributes[name]];
    return given === undefined || held === undefined || held === given;
  });
}
