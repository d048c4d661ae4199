/**
 * An address belongs to the session that was given it last. Where a Stop got lost, the earlier session still claims an
 * address that another subscriber has by now; mirroring it on would mirror the wrong person.
 */
import { keyOf } from "./index-keys.js";
import { withoutPrefixes } from "./merge.js";
import { prefixesOf, type Session, type Transition, withChanges } from "./session.js";
import type { SessionReader } from "./store.js";

/** Takes the prefixes that `after` has and `before` had not away from every other session of the NAS. */
export function claimAddresses(
  reader: SessionReader,
  before: Session | undefined,
  after: Session,
  except: ReadonlySet<Session> = new Set(),
): Transition[] {
  if (before?.attributes === after.attributes) return [];
  const held = before === undefined ? [] : prefixesOf(before);
  const lostBy = new Map<Session, Set<string>>();
  for (const prefix of prefixesOf(after)) {
    if (held.includes(prefix)) continue;
    for (const other of reader.under(after.nas, keyOf.prefix(prefix))) {
      if (other === before || except.has(other)) continue;
      lostBy.set(other, (lostBy.get(other) ?? new Set()).add(prefix));
    }
  }
  return [...lostBy].map(([other, lost]) => ({ before: other, after: withoutAddresses(other, lost, after.seq) }));
}

function withoutAddresses(session: Session, lost: ReadonlySet<string>, seq: number): Session {
  const remembered = new Set([...session.lost.split(" ").filter((prefix) => prefix !== ""), ...lost]);
  return withChanges(session, {
    attributes: withoutPrefixes(session.attributes, lost),
    lost: [...remembered].join(" "),
    seq,
  });
}
