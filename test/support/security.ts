/** Keys, authorities and orders for tests. Keys are made once a process: an xkey costs milliseconds. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LiOrder } from "../../src/events/li.js";
import type { ParsedEvent } from "../../src/events/parse.js";
import { parsePrefix } from "../../src/net/addresses.js";
import { generateSealingSeed, sealingKeyFromSeed } from "../../src/security/keys/sealing-key.js";
import { generateSigningSeed, signerFromSeed } from "../../src/security/keys/signing-key.js";
import { type Authority, AuthorityTable } from "../../src/security/orders/authorities.js";
import type { DecisionContext } from "../../src/security/orders/decide.js";
import { attributesDigest, type RadiusOrder, type TaskOrder } from "../../src/security/orders/payload.js";
import type { ReplayView } from "../../src/security/orders/replay.js";
import { li } from "./events.js";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** 2026-11-22T07:00:00Z */
export const NOW = Date.UTC(2026, 10, 22, 7);

export const gatewayKey = signerFromSeed(generateSigningSeed());
export const authorityKey = signerFromSeed(generateSigningSeed());
export const secondKey = signerFromSeed(generateSigningSeed());
export const agentKey = signerFromSeed(generateSigningSeed());
export const strangerKey = signerFromSeed(generateSigningSeed());
export const agentSeal = sealingKeyFromSeed(generateSealingSeed());
export const otherSeal = sealingKeyFromSeed(generateSealingSeed());

export function prefixOf(text: string) {
  const prefix = parsePrefix(text);
  if ("problem" in prefix) throw new Error(prefix.problem);
  return prefix;
}

export const GATEWAY: Authority = {
  name: "gw1",
  kind: "gateway",
  keys: [gatewayKey.publicKey],
  nas: ["bng1"],
  interceptIds: [[1, 0x2fff]],
  mediation: [prefixOf("198.51.100.0/24")],
  maxDurationMs: 30 * DAY,
};

export const AUTHORITY: Authority = {
  name: "north",
  kind: "authority",
  keys: [authorityKey.publicKey],
  interceptIds: [[0x1000, 0x1fff]],
  mediation: [prefixOf("198.51.100.0/24"), prefixOf("2001:db8:9::/48")],
  maxDurationMs: 60 * DAY,
};

export const SECOND: Authority = { ...AUTHORITY, name: "south", keys: [secondKey.publicKey], maxDurationMs: 90 * DAY };
export const AGENT: Authority = { name: "edge1", kind: "agent", keys: [agentKey.publicKey], maxDurationMs: 0 };

export const NO_REPLAYS: ReplayView = { placeOf: () => undefined, serialOf: () => 0, hasRoom: true };

export function decisionContext(changes: Partial<DecisionContext> = {}): DecisionContext {
  return {
    now: NOW,
    toleranceMs: 5 * 60_000,
    maxWindowMs: DAY,
    authorities: new AuthorityTable([GATEWAY, AUTHORITY, SECOND, AGENT]),
    twoPersonRule: false,
    replay: NO_REPLAYS,
    ...changes,
  };
}

export type BoundEvent = Pick<ParsedEvent, "id" | "type" | "nas" | "time" | "attributes">;

export const EVENT: BoundEvent = {
  id: "0197-event-1",
  type: "coa",
  nas: "bng1",
  time: NOW - 1000,
  attributes: { "User-Name": "alice", "Acct-Session-Id": "1048577" },
};

export function radiusOrder(event: BoundEvent = EVENT, changes: Partial<RadiusOrder> = {}, order: LiOrder = li("on")) {
  const { id, type, nas, time } = event;
  return {
    v: 1,
    kind: "radius",
    id: randomUUID(),
    notBefore: NOW - 1000,
    notAfter: NOW + DAY - 1000,
    event: { id, type, nas, time, attributes: attributesDigest(event.attributes) },
    li: order,
    ...changes,
  } satisfies RadiusOrder;
}

export const WARRANT: NonNullable<TaskOrder["warrant"]> = {
  reference: "W-2026-0042",
  subject: { by: "user-name", value: "alice" },
  // A handle of 4 bytes: intercept id 0x1234, the session id is each session's.
  li: li("on", { handle: "40001234", notAfter: new Date(NOW + 10 * DAY).toISOString() }),
};

export function taskOrder(changes: Partial<TaskOrder> = {}) {
  return {
    v: 1,
    kind: "task",
    id: randomUUID(),
    notBefore: NOW - 1000,
    notAfter: NOW + 10 * DAY,
    task: "t-1",
    serial: 1,
    action: "activate",
    warrant: WARRANT,
    ...changes,
  } satisfies TaskOrder;
}

/** A directory that is gone with the test. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "submirror-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
