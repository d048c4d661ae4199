/** From decrypted LI attributes to an order, by the rules of `events`; what only the gateway knows goes in before. */
import { checkOrder, type LiOrder } from "../events/li.js";
import type { LiInstruction, RadiusAttributes } from "../events/types.js";
import { instructionFromAttributes } from "../events/vendor-li.js";
import type { LiValues } from "../radius/li.js";

export interface NokiaOptions {
  /** The mediation device that a mirror destination service stands for, by service id or name. */
  readonly services: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  /** UDP port of a destination that is an IPv4 address alone. Absent: such a destination is refused. */
  readonly defaultPort: number | undefined;
}

/** Throws EventError; it names the attribute and never its value. */
export function readOrder(values: LiValues, nokia: NokiaOptions): LiOrder {
  const attributes = Object.fromEntries(
    Object.entries(values).map(([name, texts]) => [
      name,
      name === DESTINATION ? texts.map((it) => placeOf(it, nokia)) : texts,
    ]),
  );
  return checkOrder(instructionFromAttributes(attributes));
}

const DESTINATION = "Alc-LI-Destination";

function placeOf(destination: string, { services, defaultPort }: NokiaOptions): string {
  const service = Object.hasOwn(services, destination) ? services[destination] : undefined;
  if (service !== undefined)
    return `${service.address.includes(":") ? `[${service.address}]` : service.address}:${service.port}`;
  const isBare = /^[0-9.]+$/.test(destination) && destination.includes(".");
  return isBare && defaultPort !== undefined ? `${destination}:${defaultPort}` : destination;
}

/** How an event carries an order: as `li`, or, where Nokia's stop repeats no values, as the attribute itself. */
export function orderInEvent(order: LiOrder | undefined): { li?: LiInstruction; attributes?: RadiusAttributes } {
  if (order === undefined) return {};
  if (order.action === "stop-in-force") return { attributes: { "Alc-LI-Action": "disable" } };
  return { li: order };
}
