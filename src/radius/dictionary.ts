/** What attributes are called and how their values are laid out. Filled by `dictionary-reader.ts`. */
import { DEFAULT_VENDOR_FORMAT, type VendorFormat } from "./vendor.js";

/** Types of FreeRADIUS 3 dictionaries whose values we read; the rest are shown as `octets`. */
export const VALUE_TYPES = [
  "string",
  "octets",
  "ipaddr",
  "ipv6addr",
  "ipv4prefix",
  "ipv6prefix",
  "combo-ip",
  "byte",
  "short",
  "integer",
  "integer64",
  "signed",
  "date",
  "ether",
  "ifid",
  "tlv",
] as const;

export type ValueType = (typeof VALUE_TYPES)[number];

/** How a value is hidden on a hop: not, as User-Password, or salted (`encrypt=1` and `encrypt=2`). */
export type Hiding = "none" | "password" | "salted";

export interface AttributeDefinition {
  readonly name: string;
  readonly type: ValueType;
  readonly hiding: Hiding;
  /** The value may start with a tag byte (RFC 2868). */
  readonly tagged: boolean;
  /** VALUE names by number. */
  readonly names: ReadonlyMap<bigint, string>;
  /** VALUE numbers by name. */
  readonly numbers: ReadonlyMap<string, bigint>;
}

export interface VendorDefinition {
  readonly name: string;
  readonly number: number;
  readonly format: VendorFormat;
  readonly attributes: ReadonlyMap<number, AttributeDefinition>;
}

/** Where an attribute of some name goes; `vendor` undefined for those outside of Vendor-Specific. */
export interface AttributePlace {
  readonly vendor: number | undefined;
  readonly type: number;
  readonly definition: AttributeDefinition;
}

export interface Dictionary {
  readonly standard: ReadonlyMap<number, AttributeDefinition>;
  readonly vendors: ReadonlyMap<number, VendorDefinition>;
  readonly byName: ReadonlyMap<string, AttributePlace>;
}

export function vendorFormat(dictionary: Dictionary, vendor: number): VendorFormat {
  return dictionary.vendors.get(vendor)?.format ?? DEFAULT_VENDOR_FORMAT;
}

export function vendorAttribute(dictionary: Dictionary, vendor: number, type: number): AttributeDefinition | undefined {
  return dictionary.vendors.get(vendor)?.attributes.get(type);
}
