/** The seven notifications as objects of JUNIPER-JS-PACKET-MIRROR-MIB. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiEvent } from "../../../src/events/li-event.js";
import { NOTIFICATION, OBJECT, type ObjectName } from "../../../src/notifications/mib.js";
import { toSnmp } from "../../../src/notifications/varbinds.js";
import { ALL_KINDS, liEvent } from "../../support/notifications.js";

function valuesOf(event: LiEvent): Record<string, unknown> {
  const names = new Map(Object.entries(OBJECT).map(([name, oid]) => [oid as string, name]));
  return Object.fromEntries(
    toSnmp(event, "edge1").varbinds.map(({ oid, value }) => [
      names.get(oid),
      Buffer.isBuffer(value) ? value.toString("hex") : value,
    ]),
  );
}

test("each of the seven has its own identifier and the objects of the MIB", () => {
  assert.deepEqual(
    ALL_KINDS.map((kind) => NOTIFICATION[kind].oid.slice("1.3.6.1.4.1.2636.3.39.1.16.1.0.".length)),
    ["1", "2", "3", "4", "5", "6", "7"],
  );
  const counts = ALL_KINDS.map((kind) => toSnmp(liEvent(kind), "edge1").varbinds.length);
  assert.deepEqual(counts, [11, 14, 15, 15, 14, 15, 13]);
  for (const kind of ALL_KINDS)
    assert.equal(new Set(NOTIFICATION[kind].objects).size, NOTIFICATION[kind].objects.length);
});

test("values are those of the event", () => {
  assert.deepEqual(valuesOf(liEvent("LiSubscriberLoggedOut")), {
    dateAndTime: "07ea0b16070509032b0000",
    configurationSource: 1,
    triggerType: 5,
    trigger: "1048577",
    routerId: "edge1",
    identifier: 0x300,
    sessionIdentifier: 0xfffffff0,
    direction: 2,
    targetIpAddress: "100.64.0.7",
    analyzerAddress: "198.51.100.9",
    terminationReason: 4,
    octetsReceived: "ffffffffffffffff",
    octetsTransmitted: "0000000100000000",
    targetIpv6Address: "20010db8000100000000000000000000",
    targetIpv6PrefixLength: 64,
  });
});

test("what an event does not know is 0 or empty, never left out", () => {
  const bare: LiEvent = {
    kind: "MirroringFailure",
    time: 0,
    configurationSource: "warrant",
    direction: "from",
    targetAddresses: [],
    nas: "bng1",
  };
  assert.deepEqual(valuesOf(bare), {
    dateAndTime: "07b20101000000002b0000",
    configurationSource: 4,
    triggerType: 3,
    trigger: "",
    routerId: "edge1",
    userName: "",
    identifier: 0,
    sessionIdentifier: 0,
    errorCause: 0,
    applicationName: 0,
    errorString: "",
  });
  const login = valuesOf({ ...bare, kind: "LiSubscriberLoggedIn", analyzerAddress: "2001:db8::9" });
  assert.deepEqual([login.targetIpAddress, login.targetIpv6Address, login.analyzerAddress], ["0.0.0.0", "", "0.0.0.0"]);
});

test("triggers, directions, causes and reasons have the numbers of the MIB", () => {
  const numberOf = (name: ObjectName, changes: Partial<LiEvent>): unknown =>
    valuesOf(liEvent("LiSubscriberLogInFailed", changes))[name];
  const triggers = [
    "interface",
    "address",
    "nasPortId",
    "userName",
    "callingStationId",
    "acctSessionId",
    "remoteId",
    "circuitId",
  ] as const;
  assert.deepEqual(
    triggers.map((type) => numberOf("triggerType", { trigger: { type, value: "x" } })),
    [0, 1, 2, 3, 4, 5, 7, 8],
  );
  assert.deepEqual(
    (["from", "to", "both"] as const).map((direction) => numberOf("direction", { direction })),
    [0, 1, 2],
  );
  assert.deepEqual(
    ([401, 402, 403, 404, 501, 502, 503, 506] as const).map((errorCause) => numberOf("errorCause", { errorCause })),
    [6, 7, 8, 7, 0, 0, 5, 1],
  );
  const reason = (terminationReason: string): unknown =>
    valuesOf(liEvent("LiServiceDeactivated", { terminationReason })).terminationReason;
  assert.deepEqual(
    [
      "User-Request",
      "Lost-Carrier",
      "Session-Timeout",
      "Admin-Reset",
      "NAS-Reboot",
      "Host-Request",
      "Port-Disabled",
      "something else",
    ].map(reason),
    [1, 2, 5, 6, 11, 18, 22, 0],
  );
});

test("text is printable ASCII of the length that the MIB allows", () => {
  const { userName } = valuesOf(liEvent("MirroringFailure", { userName: `ä\u0000${"x".repeat(300)}` }));
  assert.equal(userName, `??${"x".repeat(62)}`);
});
