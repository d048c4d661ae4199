/** The attributes that ask for mirroring: Juniper's (vendor 4874) and Nokia's (vendor 6527), all of them salt-encrypted. */
import { TYPE } from "./codes.js";
import { RadiusError } from "./errors.js";
import { type Hop, revealSalted } from "./hiding.js";
import type { Attribute } from "./packet.js";
import { hex } from "./values.js";
import { DEFAULT_VENDOR_FORMAT, mapSubAttributes, subAttributes, vendorOf } from "./vendor.js";

type LiValueType = "integer" | "octets" | "ipaddr" | "string";

interface LiAttribute {
  readonly vendor: number;
  readonly type: number;
  readonly name: string;
  readonly valueType: LiValueType;
}

const ERX = 4874;
const NOKIA = 6527;

const LI_ATTRIBUTES: readonly LiAttribute[] = [
  { vendor: ERX, type: 58, name: "ERX-LI-Action", valueType: "integer" },
  { vendor: ERX, type: 59, name: "ERX-Med-Dev-Handle", valueType: "octets" },
  { vendor: ERX, type: 60, name: "ERX-Med-Ip-Address", valueType: "ipaddr" },
  { vendor: ERX, type: 61, name: "ERX-Med-Port-Number", valueType: "integer" },
  { vendor: NOKIA, type: 122, name: "Alc-LI-Action", valueType: "integer" },
  { vendor: NOKIA, type: 123, name: "Alc-LI-Destination", valueType: "string" },
  { vendor: NOKIA, type: 124, name: "Alc-LI-FC", valueType: "integer" },
  { vendor: NOKIA, type: 125, name: "Alc-LI-Direction", valueType: "integer" },
  { vendor: NOKIA, type: 138, name: "Alc-LI-Intercept-Id", valueType: "integer" },
  { vendor: NOKIA, type: 139, name: "Alc-LI-Session-Id", valueType: "integer" },
];

export const LI_ATTRIBUTE_NAMES: ReadonlySet<string> = new Set(LI_ATTRIBUTES.map(({ name }) => name));

function liAttribute(vendor: number, type: number): LiAttribute | undefined {
  return LI_ATTRIBUTES.find((attribute) => attribute.vendor === vendor && attribute.type === type);
}

function isLiVendor(vendor: number | undefined): vendor is number {
  return vendor === ERX || vendor === NOKIA;
}

/**
 * The attributes without those that ask for mirroring; the same array where there are none. A Vendor-Specific of
 * one of the two vendors that is not laid out as sub-attributes goes too: nobody can say what it holds.
 */
export function withoutLi(attributes: readonly Attribute[]): readonly Attribute[] {
  if (!attributes.some(({ type }) => type === TYPE.vendorSpecific)) return attributes;
  let changed = false;
  const kept: Attribute[] = [];
  for (const attribute of attributes) {
    const value = valueWithoutLi(attribute);
    if (value !== attribute.value) changed = true;
    if (value === attribute.value) kept.push(attribute);
    else if (value !== undefined) kept.push({ type: attribute.type, value });
  }
  return changed ? kept : attributes;
}

function valueWithoutLi({ type, value }: Attribute): Buffer | undefined {
  if (type !== TYPE.vendorSpecific) return value;
  const vendor = vendorOf(value);
  if (!isLiVendor(vendor)) return value;
  if (subAttributes(value) === undefined) return undefined;
  return mapSubAttributes(value, DEFAULT_VENDOR_FORMAT, (sub) =>
    liAttribute(vendor, sub.type) === undefined ? sub.value : undefined,
  );
}

/** LI attributes by name, decrypted, as text: numbers in decimal, octets as `0x...`. */
export type LiValues = Readonly<Record<string, readonly string[]>>;

/**
 * Decrypts the attributes that ask for mirroring; undefined where there are none.
 * Throws RadiusError "undecryptable" or "value", and "malformed" for a Vendor-Specific of theirs that is not laid out as sub-attributes.
 */
export function revealLi(attributes: readonly Attribute[], hop: Hop): LiValues | undefined {
  const values: Record<string, string[]> = {};
  for (const { type, value } of attributes) {
    if (type !== TYPE.vendorSpecific) continue;
    const vendor = vendorOf(value);
    if (!isLiVendor(vendor)) continue;
    const subs = subAttributes(value);
    if (subs === undefined) {
      throw new RadiusError("malformed", `a Vendor-Specific of vendor ${vendor} is not laid out as sub-attributes`);
    }
    for (const sub of subs) {
      const definition = liAttribute(vendor, sub.type);
      if (definition === undefined) continue;
      (values[definition.name] ??= []).push(liText(definition, revealSalted(sub.value, hop)));
    }
  }
  return Object.keys(values).length === 0 ? undefined : values;
}

function liText({ name, valueType }: LiAttribute, value: Buffer): string {
  if (valueType === "octets") return hex(value);
  if (valueType === "string") return value.toString("latin1");
  if (value.length !== 4) throw new RadiusError("value", `${name} is not 4 bytes long`);
  return valueType === "ipaddr" ? value.join(".") : String(value.readUInt32BE(0));
}
