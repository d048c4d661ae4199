/** What a proxy must do to hidden values when a packet goes from one hop to the next. */
import { TYPE } from "./codes.js";
import { type AttributeDefinition, type Dictionary, vendorAttribute, vendorFormat } from "./dictionary.js";
import { RadiusError } from "./errors.js";
import { type Hop, rehidePassword, rehideSalted } from "./hiding.js";
import type { Attribute } from "./packet.js";
import { mapSubAttributes, vendorOf } from "./vendor.js";

export interface Rehidden {
  readonly attributes: readonly Attribute[];
  /** Hidden values that do not decrypt with `from`; they stay as they came. */
  readonly failed: number;
}

/** Hides again for `to` what is hidden for `from`, as the dictionary says; all else keeps its bytes and its place. */
export function rehideAttributes(
  attributes: readonly Attribute[],
  from: Hop,
  to: Hop,
  dictionary: Dictionary,
): Rehidden {
  let failed = 0;
  const rehide = (definition: AttributeDefinition | undefined, value: Buffer): Buffer => {
    if (definition === undefined || definition.hiding === "none") return value;
    try {
      return definition.hiding === "password" ? rehidePassword(value, from, to) : rehideTagged(value, from, to);
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error;
      failed++;
      return value;
    }
  };
  const rehidden = attributes.map((attribute): Attribute => {
    const value =
      attribute.type === TYPE.vendorSpecific
        ? rehideVendor(attribute.value, dictionary, rehide)
        : rehide(dictionary.standard.get(attribute.type), attribute.value);
    return value === attribute.value ? attribute : { type: attribute.type, value };
  });
  return { attributes: rehidden, failed };
}

function rehideVendor(
  value: Buffer,
  dictionary: Dictionary,
  rehide: (definition: AttributeDefinition | undefined, value: Buffer) => Buffer,
): Buffer {
  const vendor = vendorOf(value);
  if (vendor === undefined || !dictionary.vendors.has(vendor)) return value;
  const change = (sub: { type: number; value: Buffer }) =>
    rehide(vendorAttribute(dictionary, vendor, sub.type), sub.value);
  return mapSubAttributes(value, vendorFormat(dictionary, vendor), change) ?? value;
}

/** Salted values come as salt and whole blocks, with a tag byte in front in the attributes of RFC 2868. */
function rehideTagged(value: Buffer, from: Hop, to: Hop): Buffer {
  if (value.length % 16 !== 3) return rehideSalted(value, from, to);
  return Buffer.concat([value.subarray(0, 1), rehideSalted(value.subarray(1), from, to)]);
}
