/** Events for tests, as a gateway would publish them. Names and addresses are of the documentation ranges. */
import type { LiInstruction, RadiusAttributes, RadiusEvent, RadiusEventType } from "../../src/events/types.js";

let counter = 0;

export interface EventFields {
  readonly id?: string;
  readonly nas?: string;
  readonly time?: string;
  readonly attributes?: RadiusAttributes;
  readonly li?: LiInstruction | string;
}

export function radiusEvent(type: RadiusEventType, fields: EventFields = {}): RadiusEvent {
  const nas = fields.nas ?? "bng1";
  counter += 1;
  return {
    specversion: "1.0",
    id: fields.id ?? `event-${process.pid}-${counter}`,
    source: `radius/${nas}`,
    type: `radius.${type}`,
    time: fields.time ?? new Date().toISOString(),
    datacontenttype: "application/json",
    data: { nas, attributes: fields.attributes ?? {}, ...(fields.li !== undefined && { li: fields.li }) },
  };
}

export const HANDLE = "0000030000000090";

export function li(action: LiInstruction["action"], changes: Partial<LiInstruction> = {}): LiInstruction {
  return { action, handle: HANDLE, mediation: { address: "198.51.100.9", port: 30030 }, ...changes };
}
