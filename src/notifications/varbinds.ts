/** From an intercept-related event to the objects of its SNMP notification. Pure. */

import type { Varbind } from "net-snmp";
import snmp from "net-snmp";
import type { LiEvent } from "../events/li-event.js";
import { type IpPrefix, parsePrefix } from "../net/addresses.js";
import {
  CONFIGURATION_SOURCE,
  DIRECTION,
  ERROR_CAUSE_VALUE,
  NOTIFICATION,
  OBJECT,
  type ObjectName,
  TRIGGER_TYPE,
  terminationReasonValue,
} from "./mib.js";

const { ObjectType } = snmp;

export interface SnmpNotification {
  readonly oid: string;
  readonly varbinds: readonly Varbind[];
}

/** `routerId`: the name by which the mediation side knows this node. */
export function toSnmp(event: LiEvent, routerId: string): SnmpNotification {
  const { oid, objects } = NOTIFICATION[event.kind];
  return { oid, varbinds: objects.map((name) => ({ oid: OBJECT[name], ...valueOf(name, event, routerId) })) };
}

type Value = Pick<Varbind, "type" | "value">;

const NO_ADDRESS = "0.0.0.0";

/** Every object of a notification is there always: what an event does not know is 0 or empty. */
function valueOf(name: ObjectName, event: LiEvent, routerId: string): Value {
  switch (name) {
    case "dateAndTime":
      return { type: ObjectType.OctetString, value: dateAndTime(event.time) };
    case "configurationSource":
      return integer(CONFIGURATION_SOURCE[event.configurationSource]);
    case "triggerType":
      return integer(TRIGGER_TYPE[triggerOf(event).type]);
    case "trigger":
      return text(triggerOf(event).value, 255);
    case "routerId":
      return text(routerId, 257);
    case "identifier":
      return { type: ObjectType.Gauge, value: event.interceptId ?? 0 };
    case "sessionIdentifier":
      return { type: ObjectType.Gauge, value: event.sessionId ?? 0 };
    case "direction":
      return integer(DIRECTION[event.direction]);
    case "applicationName":
      return integer(0);
    case "userName":
      return text(event.userName ?? "", 64);
    case "nasIdentifier":
      return text(event.nas, 64);
    case "callingStationIdentifier":
      return text(event.callingStationId ?? "", 64);
    default:
      return addressOrOutcome(name, event);
  }
}

function addressOrOutcome(name: ObjectName, event: LiEvent): Value {
  switch (name) {
    case "targetIpAddress":
      return { type: ObjectType.IpAddress, value: prefixOf(event, 4)?.bytes.join(".") ?? NO_ADDRESS };
    case "targetIpv6Address":
      return { type: ObjectType.OctetString, value: prefixOf(event, 6)?.bytes ?? Buffer.alloc(0) };
    case "targetIpv6PrefixLength":
      return { type: ObjectType.Gauge, value: prefixOf(event, 6)?.length ?? 0 };
    case "analyzerAddress":
      return { type: ObjectType.IpAddress, value: ipv4Of(event.analyzerAddress) };
    case "errorCause":
      return integer(event.errorCause === undefined ? 0 : ERROR_CAUSE_VALUE[event.errorCause]);
    case "errorString":
      return text(event.errorCause === undefined ? "" : `Error-Cause ${event.errorCause}`, 255);
    case "terminationReason":
      return integer(terminationReasonValue(event.terminationReason ?? ""));
    case "octetsReceived":
      return counter64(event.inputOctets);
    case "octetsTransmitted":
      return counter64(event.outputOctets);
    default:
      throw new RangeError(`no value is known for ${name}`);
  }
}

function triggerOf({ trigger, acctSessionId, userName }: LiEvent): NonNullable<LiEvent["trigger"]> {
  if (trigger !== undefined) return trigger;
  if (acctSessionId !== undefined) return { type: "acctSessionId", value: acctSessionId };
  return { type: "userName", value: userName ?? "" };
}

/** The first of the family; the MIB has room for one. */
function prefixOf({ targetAddresses }: LiEvent, family: 4 | 6): IpPrefix | undefined {
  for (const address of targetAddresses) {
    const prefix = parsePrefix(address);
    if (!("problem" in prefix) && prefix.family === family) return prefix;
  }
  return undefined;
}

/** The MIB's IpAddress has four bytes: an IPv6 device is told by its intercept id alone. */
function ipv4Of(address: string | undefined): string {
  return address === undefined || address.includes(":") ? NO_ADDRESS : address;
}

function integer(value: number): Value {
  return { type: ObjectType.Integer, value };
}

/** DisplayString: printable ASCII, at most so many bytes. */
function text(value: string, longest: number): Value {
  return { type: ObjectType.OctetString, value: value.replace(/[^\x20-\x7e]/g, "?").slice(0, longest) };
}

function counter64(decimal: string | undefined): Value {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(BigInt.asUintN(64, BigInt(decimal ?? "0")));
  return { type: ObjectType.Counter64, value };
}

/** RFC 2579 DateAndTime: year, month, day, hour, minute, second, tenths, and UTC as direction and offset. */
function dateAndTime(time: number): Buffer {
  const at = new Date(time);
  const bytes = Buffer.alloc(11);
  bytes.writeUInt16BE(at.getUTCFullYear(), 0);
  const rest = [
    at.getUTCMonth() + 1,
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    Math.floor(at.getUTCMilliseconds() / 100),
    "+".charCodeAt(0),
  ];
  for (const [index, value] of rest.entries()) bytes.writeUInt8(value, 2 + index);
  return bytes;
}
