/** Where a message stands, as JetStream writes it into the subject that acknowledgements go to. Pure. */

export interface Delivery {
  /** Stream sequence. */
  readonly seq: number;
  /** Counts what the consumer was sent. */
  readonly delivery: number;
  /** When it was stored: Unix time in milliseconds. */
  readonly time: number;
  /** Messages that the stream holds for the consumer after this one. */
  readonly pending: number;
}

const PREFIX = "$JS.ACK.";
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.<token>]`;
 * undefined where it is something else. The client's own takes three times as long, and that for every message.
 */
export function deliveryOf(reply: string): Delivery | undefined {
  if (!reply.startsWith(PREFIX)) return undefined;
  let dots = 0;
  for (let at = PREFIX.length - 1; at >= 0; at = reply.indexOf(".", at + 1)) dots++;
  // That of "$JS" is not among them.
  const isShort = dots === 7;
  if (!isShort && dots < 9) return undefined;
  let at = PREFIX.length;
  for (let tokens = isShort ? 3 : 5; tokens > 0; tokens--) at = reply.indexOf(".", at) + 1;
  const number = (): number => {
    let value = 0;
    for (; at < reply.length && reply.charCodeAt(at) !== DOT; at++) value = value * 10 + reply.charCodeAt(at) - ZERO;
    at++;
    return value;
  };
  const [seq, delivery, nanoseconds, pending] = [number(), number(), number(), number()];
  return { seq, delivery, time: nanoseconds / 1e6, pending };
}
