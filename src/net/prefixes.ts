/** What prefixes have in common. */
import { type IpPrefix, maskBytes, parsePrefix } from "./addresses.js";

/** True where every address of `inner` is one of `outer`. */
export function contains(outer: IpPrefix, inner: IpPrefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  return maskBytes(inner.bytes, outer.length).equals(outer.bytes);
}

/** Of each of `prefixes`, the part that lies within `other`; none where they are apart. All in CIDR. */
export function commonPrefixes(prefixes: readonly string[], other: string): string[] {
  const whole = parsePrefix(other);
  if ("problem" in whole) return [];
  return prefixes.flatMap((text) => {
    const prefix = parsePrefix(text);
    if ("problem" in prefix) return [];
    if (contains(whole, prefix)) return [text];
    return contains(prefix, whole) ? [other] : [];
  });
}
