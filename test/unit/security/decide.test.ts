/** Which orders are carried out and which are refused, and why: a table with a line for each way to be wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LiInstruction } from "../../../src/events/types.js";
import { type RefusalReason, SecurityError } from "../../../src/security/errors.js";
import { type DecisionContext, decideRadiusOrder, decideTaskOrder } from "../../../src/security/orders/decide.js";
import type { Order } from "../../../src/security/orders/payload.js";
import {
  countersign,
  formatSigned,
  parseSigned,
  type SignedOrder,
  signOrder,
} from "../../../src/security/orders/signed.js";
import { li } from "../../support/events.js";
import {
  agentKey,
  authorityKey,
  type BoundEvent,
  DAY,
  decisionContext,
  EVENT,
  gatewayKey,
  HOUR,
  NO_REPLAYS,
  NOW,
  radiusOrder,
  secondKey,
  strangerKey,
  taskOrder,
  WARRANT,
} from "../../support/security.js";

const PLACE = "RADIUS:17";

/** Through the text form always, as it crosses the bus. */
function sent(order: SignedOrder): SignedOrder {
  return parseSigned(formatSigned(order));
}

function reasonOf(decide: () => unknown): RefusalReason | "accepted" {
  try {
    decide();
    return "accepted";
  } catch (error) {
    assert.ok(error instanceof SecurityError, String(error));
    assert.doesNotMatch(error.message, /alice|198\.51\.100|W-2026/);
    return error.reason;
  }
}

interface RadiusCase {
  readonly what: string;
  readonly expected: RefusalReason | "accepted";
  readonly order?: object;
  readonly key?: typeof gatewayKey;
  readonly event?: BoundEvent;
  readonly context?: Partial<DecisionContext>;
}

const RADIUS_CASES: readonly RadiusCase[] = [
  { what: "a good one", expected: "accepted" },
  { what: "signed by a key that is not configured", expected: "unknown-key", key: strangerKey },
  { what: "signed by an authority that tasks by warrant", expected: "wrong-kind", key: authorityKey },
  { what: "signed by an agent", expected: "wrong-kind", key: agentKey },
  { what: "a task in the place of an instruction", expected: "wrong-kind", order: taskOrder() },
  { what: "put into another event", expected: "wrong-event", event: { ...EVENT, id: "0197-event-2" } },
  { what: "put into another NAS's event", expected: "wrong-event", event: { ...EVENT, nas: "bng2" } },
  { what: "put into a login", expected: "wrong-event", event: { ...EVENT, type: "access-accept" } },
  { what: "put into a later event", expected: "wrong-event", event: { ...EVENT, time: NOW } },
  {
    what: "put onto another subscriber",
    expected: "wrong-event",
    event: { ...EVENT, attributes: { ...EVENT.attributes, "User-Name": "bob" } },
  },
  {
    what: "with an attribute added",
    expected: "wrong-event",
    event: { ...EVENT, attributes: { ...EVENT.attributes, "Framed-IP-Address": "100.64.0.9" } },
  },
  { what: "expired", expected: "expired", context: { now: NOW + DAY } },
  { what: "from the future", expected: "not-yet-valid", order: radiusOrder(EVENT, { notBefore: NOW + HOUR }) },
  {
    what: "from a clock that is a little ahead",
    expected: "accepted",
    order: radiusOrder(EVENT, { notBefore: NOW + 60_000 }),
  },
  {
    what: "valid for longer than it is remembered",
    expected: "window-too-long",
    order: radiusOrder(EVENT, { notAfter: NOW + 2 * DAY }),
  },
  {
    what: "replayed at another place",
    expected: "replayed",
    context: { replay: { ...NO_REPLAYS, placeOf: () => "RADIUS:16" } },
  },
  {
    what: "delivered again at its place",
    expected: "accepted",
    context: { replay: { ...NO_REPLAYS, placeOf: () => PLACE } },
  },
  {
    what: "one more than can be remembered",
    expected: "replay-memory-full",
    context: { replay: { ...NO_REPLAYS, hasRoom: false } },
  },
  {
    what: "for an intercept id outside of the gateway's ranges",
    expected: "intercept-id-not-allowed",
    order: radiusOrder(EVENT, {}, li("on", { handle: "0000300000000090" })),
  },
  {
    what: "for a mediation device outside of the gateway's prefixes",
    expected: "mediation-not-allowed",
    order: radiusOrder(EVENT, {}, li("on", { mediation: { address: "203.0.113.9", port: 30030 } })),
  },
  {
    what: "for an IPv6 mediation device where IPv4 ones are allowed",
    expected: "mediation-not-allowed",
    order: radiusOrder(EVENT, {}, li("on", { mediation: { address: "2001:db8::9", port: 30030 } })),
  },
  {
    what: "a stop that repeats no values",
    expected: "accepted",
    order: radiusOrder(EVENT, {}, { action: "stop-in-force" }),
  },
  {
    what: "for packets that are not of the subscriber's sessions",
    expected: "match-not-allowed",
    order: radiusOrder(EVENT, {}, li("on", { match: [{ kind: "interface", name: "eth1" }] })),
  },
  {
    what: "longer than the gateway may",
    expected: "duration-too-long",
    order: radiusOrder(EVENT, {}, li("on", { notAfter: new Date(NOW + 31 * DAY).toISOString() })),
  },
  { what: "with a field that nobody knows", expected: "malformed", order: { ...radiusOrder(), also: 1 } },
  { what: "of another version", expected: "malformed", order: { ...radiusOrder(), v: 2 } },
  {
    what: "with a handle that is none",
    expected: "malformed",
    order: radiusOrder(EVENT, {}, li("on", { handle: "c000000000000090" })),
  },
  {
    what: "with a host name for a mediation device",
    expected: "malformed",
    order: radiusOrder(EVENT, {}, li("on", { mediation: { address: "md.example", port: 30030 } })),
  },
];

for (const { what, expected, order = radiusOrder(), key = gatewayKey, event = EVENT, context = {} } of RADIUS_CASES) {
  test(`an instruction ${what}: ${expected}`, () => {
    const signed = sent(signOrder(order, key));
    assert.equal(
      reasonOf(() => decideRadiusOrder(signed, event, PLACE, decisionContext(context))),
      expected,
    );
  });
}

test("an instruction for a NAS that is not the gateway's: nas-not-allowed", () => {
  const event = { ...EVENT, nas: "bng9" };
  const signed = sent(signOrder(radiusOrder(event), gatewayKey));
  assert.equal(
    reasonOf(() => decideRadiusOrder(signed, event, PLACE, decisionContext())),
    "nas-not-allowed",
  );
});

test("a gateway's intercept ends when its authority does, whatever time its event claims", () => {
  const decided = decideRadiusOrder(sent(signOrder(radiusOrder(), gatewayKey)), EVENT, PLACE, decisionContext());
  assert.deepEqual([decided.notAfter, decided.by, decided.repeated], [NOW - 1000 + 30 * DAY, ["gw1"], false]);
  const later = { ...EVENT, time: NOW + 3650 * DAY };
  const claimed = decideRadiusOrder(sent(signOrder(radiusOrder(later), gatewayKey)), later, PLACE, decisionContext());
  assert.equal(claimed.notAfter, NOW - 1000 + 30 * DAY);
});

interface TaskCase {
  readonly what: string;
  readonly expected: RefusalReason | "accepted";
  readonly order?: object;
  readonly keys?: readonly (typeof authorityKey)[];
  readonly context?: Partial<DecisionContext>;
}

const at = (time: number): string => new Date(time).toISOString();
const warrant = (changes: Partial<LiInstruction>) => ({ ...WARRANT, li: { ...WARRANT.li, ...changes } });
const { warrant: _warrant, ...DEACTIVATION } = taskOrder({ action: "deactivate", serial: 2 });

const TASK_CASES: readonly TaskCase[] = [
  { what: "a good one", expected: "accepted" },
  { what: "signed by a gateway", expected: "wrong-kind", keys: [gatewayKey] },
  { what: "signed by an agent", expected: "wrong-kind", keys: [agentKey] },
  { what: "signed by a stranger", expected: "unknown-key", keys: [strangerKey] },
  { what: "signed by a stranger too", expected: "unknown-key", keys: [authorityKey, strangerKey] },
  { what: "an instruction in the place of a task", expected: "wrong-kind", order: radiusOrder() },
  { what: "published under another task", expected: "wrong-event", order: taskOrder({ task: "t-2" }) },
  {
    what: "older than one that was taken",
    expected: "superseded",
    context: { replay: { ...NO_REPLAYS, serialOf: () => 1 } },
  },
  { what: "replayed", expected: "replayed", context: { replay: { ...NO_REPLAYS, placeOf: () => "TASKS:1" } } },
  { what: "expired", expected: "expired", context: { now: NOW + 11 * DAY } },
  { what: "from the future", expected: "not-yet-valid", order: taskOrder({ notBefore: NOW + DAY }) },
  {
    what: "for an intercept id outside of the authority's ranges",
    expected: "intercept-id-not-allowed",
    order: taskOrder({ warrant: warrant({ handle: "40002000" }) }),
  },
  {
    what: "for a mediation device outside of the authority's prefixes",
    expected: "mediation-not-allowed",
    order: taskOrder({ warrant: warrant({ mediation: { address: "203.0.113.1", port: 1 } }) }),
  },
  {
    what: "longer than the authority may",
    expected: "duration-too-long",
    order: taskOrder({ warrant: warrant({ notBefore: at(NOW), notAfter: at(NOW + 61 * DAY) }) }),
  },
  {
    what: "with one signature where two are demanded",
    expected: "second-signature-missing",
    context: { twoPersonRule: true },
  },
  {
    what: "signed twice by one authority where two are demanded",
    expected: "second-signature-missing",
    keys: [authorityKey, authorityKey],
    context: { twoPersonRule: true },
  },
  {
    what: "signed by two authorities",
    expected: "accepted",
    keys: [authorityKey, secondKey],
    context: { twoPersonRule: true },
  },
  {
    what: "an end with one signature where two are demanded",
    expected: "accepted",
    order: DEACTIVATION,
    context: { twoPersonRule: true },
  },
  { what: "an activation without a warrant", expected: "malformed", order: { ...DEACTIVATION, action: "activate" } },
  { what: "an end with a warrant", expected: "malformed", order: { ...DEACTIVATION, warrant: WARRANT } },
  {
    what: "of a port on any NAS",
    expected: "malformed",
    order: taskOrder({ warrant: { ...WARRANT, subject: { by: "nas-port-id", value: "ge-1/0/0.100" } } }),
  },
  {
    what: "of the whole Internet",
    expected: "malformed",
    order: taskOrder({ warrant: { ...WARRANT, subject: { by: "address", value: "0.0.0.0/0" } } }),
  },
  {
    what: "to end something",
    expected: "malformed",
    order: taskOrder({ warrant: warrant({ action: "off" }) }),
  },
  {
    what: "for packets that are not of the subscriber's sessions",
    expected: "match-not-allowed",
    order: taskOrder({ warrant: warrant({ match: [{ kind: "ipv4", prefix: "100.64.0.0/10" }] }) }),
  },
  {
    what: "that ends before it begins",
    expected: "malformed",
    order: taskOrder({ warrant: warrant({ notBefore: at(NOW + 2), notAfter: at(NOW + 1) }) }),
  },
];

for (const { what, expected, order = taskOrder(), keys = [authorityKey], context = {} } of TASK_CASES) {
  test(`a task ${what}: ${expected}`, () => {
    const [first = authorityKey, ...others] = keys;
    const signed = others.reduce((so, key) => countersign(so, key), signOrder(order, first));
    assert.equal(
      reasonOf(() => decideTaskOrder(sent(signed), "t-1", "TASKS:5", decisionContext(context))),
      expected,
    );
  });
}

test("two signers' limits both count, and the shorter duration", () => {
  const { notAfter: _end, ...open } = WARRANT.li;
  const signed = countersign(signOrder(taskOrder({ warrant: { ...WARRANT, li: open } }), authorityKey), secondKey);
  const decided = decideTaskOrder(sent(signed), "t-1", "TASKS:5", decisionContext({ twoPersonRule: true }));
  assert.deepEqual(decided.by, ["north", "south"]);
  assert.deepEqual(decided.validity, { begins: NOW - 1000, ends: NOW - 1000 + 60 * DAY });
});

test("every altered character of an order is found", () => {
  const order: Order = radiusOrder();
  const text = formatSigned(signOrder(order, gatewayKey));
  const context = decisionContext();
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.constantFrom("A", "z", "0", "-", "_", ".", "{"), (at, character) => {
      const altered = text.slice(0, at) + character + text.slice(at + 1);
      if (altered === text) return;
      const reason = reasonOf(() => decideRadiusOrder(parseSigned(altered), EVENT, PLACE, context));
      // The last character of base64 has bits that mean nothing: the same bytes in another spelling.
      if (reason === "accepted") assert.equal(formatSigned(parseSigned(altered)), text);
    }),
    { numRuns: 400 },
  );
});

test("text that is no order is refused, whatever it is", () => {
  fc.assert(
    fc.property(fc.string(), (noise) => {
      for (const text of [noise, `o1.${noise}`, `o1.${noise}.${noise}.${noise}`]) {
        assert.notEqual(
          reasonOf(() => decideRadiusOrder(parseSigned(text), EVENT, PLACE, decisionContext())),
          "accepted",
        );
      }
    }),
    { numRuns: 300 },
  );
});
