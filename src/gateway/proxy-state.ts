/** The proxy's own Proxy-State (RFC 2865 section 5.33): put last in what goes up, taken off what comes down. */
import { TYPE } from "../radius/codes.js";
import type { Attribute } from "../radius/packet.js";
import { randomBytes } from "./random.js";

const BYTES = 8;

export function newProxyState(): Attribute {
  return { type: TYPE.proxyState, value: randomBytes(BYTES) };
}

/** The attributes without `own`; the same array where a server left it out. */
export function withoutProxyState(attributes: readonly Attribute[], own: Attribute): readonly Attribute[] {
  const index = attributes.findLastIndex(({ type, value }) => type === TYPE.proxyState && value.equals(own.value));
  return index === -1 ? attributes : attributes.toSpliced(index, 1);
}
