/** What is inside Vendor-Specific (26), RFC 2865 section 5.26: often several sub-attributes in one attribute. */

/** How wide a vendor writes type and length of a sub-attribute (`format=` of FreeRADIUS dictionaries). */
export interface VendorFormat {
  readonly typeBytes: 1 | 2 | 4;
  /** 0: one sub-attribute fills the rest. */
  readonly lengthBytes: 0 | 1 | 2;
  /** A continuation byte follows the length (WiMAX). */
  readonly continuation: boolean;
}

export const DEFAULT_VENDOR_FORMAT: VendorFormat = { typeBytes: 1, lengthBytes: 1, continuation: false };

export interface SubAttribute {
  readonly type: number;
  readonly value: Buffer;
  /** With type and length, as it stands in the attribute. */
  readonly bytes: Buffer;
}

/** The vendor of a Vendor-Specific value; undefined where it is too short to have one. */
export function vendorOf(value: Buffer): number | undefined {
  return value.length < 4 ? undefined : value.readUInt32BE(0);
}

/** The sub-attributes of a Vendor-Specific value, or undefined where it is not laid out that way and must be left as it is. */
export function subAttributes(value: Buffer, format: VendorFormat = DEFAULT_VENDOR_FORMAT): SubAttribute[] | undefined {
  const header = format.typeBytes + format.lengthBytes + (format.continuation ? 1 : 0);
  const found: SubAttribute[] = [];
  let rest = value.subarray(4);
  while (rest.length > 0) {
    if (rest.length < header) return undefined;
    const length = format.lengthBytes === 0 ? rest.length : rest.readUIntBE(format.typeBytes, format.lengthBytes);
    if (length < header || length > rest.length) return undefined;
    found.push({
      type: rest.readUIntBE(0, format.typeBytes),
      value: rest.subarray(header, length),
      bytes: rest.subarray(0, length),
    });
    rest = rest.subarray(length);
  }
  return found;
}

/** A Vendor-Specific value with one sub-attribute in the default format. */
export function vendorValue(vendor: number, type: number, value: Buffer): Buffer {
  const header = Buffer.allocUnsafe(6);
  header.writeUInt32BE(vendor, 0);
  header[4] = type;
  header[5] = 2 + value.length;
  return Buffer.concat([header, value]);
}

/**
 * Rewrites a Vendor-Specific value sub-attribute by sub-attribute: `change` returns the same buffer, another one
 * of the same length, or undefined to take the sub-attribute out. Returns the same buffer where nothing changed,
 * and undefined where nothing is left.
 */
export function mapSubAttributes(
  value: Buffer,
  format: VendorFormat,
  change: (sub: SubAttribute) => Buffer | undefined,
): Buffer | undefined {
  const subs = subAttributes(value, format);
  if (subs === undefined) return value;
  let changed = false;
  const parts: Buffer[] = [];
  for (const sub of subs) {
    const next = change(sub);
    if (next !== sub.value) changed = true;
    if (next === undefined) continue;
    parts.push(sub.bytes.subarray(0, sub.bytes.length - sub.value.length), next);
  }
  if (!changed) return value;
  return parts.length === 0 ? undefined : Buffer.concat([value.subarray(0, 4), ...parts]);
}
