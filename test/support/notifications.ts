/** An intercept-related event with everything in it. */
import { LI_EVENT_KINDS, type LiEvent, type LiEventKind } from "../../src/events/li-event.js";

export const ALL_KINDS = LI_EVENT_KINDS;

export function liEvent(kind: LiEventKind, changes: Partial<LiEvent> = {}): LiEvent {
  return {
    kind,
    time: Date.UTC(2026, 10, 22, 7, 5, 9, 321),
    configurationSource: "radiusCoa",
    interceptId: 0x300,
    sessionId: 0xfffffff0,
    direction: "both",
    targetAddresses: ["100.64.0.7/32", "2001:db8:1::/64", "2001:db8:100::/56"],
    analyzerAddress: "198.51.100.9",
    nas: "bng1",
    acctSessionId: "1048577",
    userName: "alice",
    callingStationId: "02:00:00:00:00:01",
    errorCause: 506,
    terminationReason: "Idle-Timeout",
    inputOctets: "18446744073709551615",
    outputOctets: "4294967296",
    ...changes,
  };
}
