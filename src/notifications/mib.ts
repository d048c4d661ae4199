/** JUNIPER-JS-PACKET-MIRROR-MIB: identifiers and values, as mediation devices know them. */
import type { LiEvent, LiEventKind, TriggerType } from "../events/li-event.js";
import type { ErrorCause } from "../events/types.js";

/** enterprises.juniper(2636).jnxMibs(3).jnxJsMibRoot(39).jnxJsSecurity(1).jnxJsPacketMirror(16).jnxJsPacketMirrorMIB(1) */
const ROOT = "1.3.6.1.4.1.2636.3.39.1.16.1";
const VARIABLE = `${ROOT}.1.1`;

/** Objects of the notifications; scalars, so that their instance is 0. */
export const OBJECT = {
  identifier: `${VARIABLE}.1.0`,
  sessionIdentifier: `${VARIABLE}.2.0`,
  trigger: `${VARIABLE}.3.0`,
  triggerType: `${VARIABLE}.4.0`,
  configurationSource: `${VARIABLE}.5.0`,
  errorCause: `${VARIABLE}.6.0`,
  errorString: `${VARIABLE}.7.0`,
  applicationName: `${VARIABLE}.8.0`,
  analyzerAddress: `${VARIABLE}.9.0`,
  userName: `${VARIABLE}.10.0`,
  dateAndTime: `${VARIABLE}.11.0`,
  routerId: `${VARIABLE}.12.0`,
  direction: `${VARIABLE}.13.0`,
  targetIpAddress: `${VARIABLE}.14.0`,
  terminationReason: `${VARIABLE}.15.0`,
  callingStationIdentifier: `${VARIABLE}.16.0`,
  nasIdentifier: `${VARIABLE}.17.0`,
  octetsReceived: `${VARIABLE}.18.0`,
  octetsTransmitted: `${VARIABLE}.19.0`,
  targetIpv6Address: `${VARIABLE}.20.0`,
  targetIpv6PrefixLength: `${VARIABLE}.21.0`,
} as const;
export type ObjectName = keyof typeof OBJECT;

interface Notification {
  readonly oid: string;
  /** In the order of the MIB. */
  readonly objects: readonly ObjectName[];
}

const CAUSE = ["dateAndTime", "configurationSource", "triggerType", "trigger", "routerId"] as const;
const IDS = ["identifier", "sessionIdentifier"] as const;
const IPV6 = ["targetIpv6Address", "targetIpv6PrefixLength"] as const;
const ERROR = ["errorCause", "errorString"] as const;

export const NOTIFICATION: Readonly<Record<LiEventKind, Notification>> = {
  MirroringFailure: {
    oid: `${ROOT}.0.1`,
    objects: [...CAUSE, "userName", ...IDS, "errorCause", "applicationName", "errorString"],
  },
  LiSubscriberLoggedIn: {
    oid: `${ROOT}.0.2`,
    objects: [
      ...CAUSE,
      ...IDS,
      "direction",
      "targetIpAddress",
      "analyzerAddress",
      "nasIdentifier",
      "callingStationIdentifier",
      ...IPV6,
    ],
  },
  LiSubscriberLogInFailed: {
    oid: `${ROOT}.0.3`,
    objects: [
      ...CAUSE,
      ...IDS,
      "direction",
      "targetIpAddress",
      "analyzerAddress",
      ...ERROR,
      "callingStationIdentifier",
      ...IPV6,
    ],
  },
  LiSubscriberLoggedOut: {
    oid: `${ROOT}.0.4`,
    objects: [
      ...CAUSE,
      ...IDS,
      "direction",
      "targetIpAddress",
      "analyzerAddress",
      "terminationReason",
      "octetsReceived",
      "octetsTransmitted",
      ...IPV6,
    ],
  },
  LiServiceActivated: {
    oid: `${ROOT}.0.5`,
    objects: [
      ...CAUSE,
      ...IDS,
      "direction",
      "targetIpAddress",
      "nasIdentifier",
      "callingStationIdentifier",
      "analyzerAddress",
      ...IPV6,
    ],
  },
  LiServiceActivationFailed: {
    oid: `${ROOT}.0.6`,
    objects: [
      ...CAUSE,
      ...IDS,
      "direction",
      "targetIpAddress",
      "analyzerAddress",
      ...ERROR,
      "callingStationIdentifier",
      ...IPV6,
    ],
  },
  LiServiceDeactivated: {
    oid: `${ROOT}.0.7`,
    objects: [...CAUSE, ...IDS, "direction", "targetIpAddress", "analyzerAddress", "terminationReason", ...IPV6],
  },
};

export const TRIGGER_TYPE: Readonly<Record<TriggerType, number>> = {
  interface: 0,
  address: 1,
  nasPortId: 2,
  userName: 3,
  callingStationId: 4,
  acctSessionId: 5,
  remoteId: 7,
  circuitId: 8,
};

/** Tasking by warrant is to us what DTCP is to Junos: a way in beside RADIUS. */
export const CONFIGURATION_SOURCE: Readonly<Record<LiEvent["configurationSource"], number>> = {
  radiusLogin: 0,
  radiusCoa: 1,
  warrant: 4,
};

/** `ingress` is what the subscriber sends. */
export const DIRECTION: Readonly<Record<LiEvent["direction"], number>> = { from: 0, to: 1, both: 2 };

/** By what RADIUS answers. */
export const ERROR_CAUSE_VALUE: Readonly<Record<ErrorCause, number>> = {
  401: 6,
  402: 7,
  403: 8,
  404: 7,
  501: 0,
  502: 0,
  503: 5,
  506: 1,
};

/** Acct-Terminate-Cause (RFC 2866 section 5.10, RFC 3580 section 2.3) by FreeRADIUS's names; 0 stands for all others. */
const TERMINATE_CAUSES = [
  "User-Request",
  "Lost-Carrier",
  "Lost-Service",
  "Idle-Timeout",
  "Session-Timeout",
  "Admin-Reset",
  "Admin-Reboot",
  "Port-Error",
  "NAS-Error",
  "NAS-Request",
  "NAS-Reboot",
  "Port-Unneeded",
  "Port-Preempted",
  "Port-Suspended",
  "Service-Unavailable",
  "Callback",
  "User-Error",
  "Host-Request",
  "Supplicant-Restart",
  "Reauthentication-Failure",
  "Port-Reinit",
  "Port-Disabled",
] as const;

export function terminationReasonValue(cause: string): number {
  return TERMINATE_CAUSES.findIndex((name) => name === cause) + 1;
}
