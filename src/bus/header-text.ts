/**
 * The headers of a message as the text that they came as. Where a million messages are read, the client's own reading of
 * them takes as long as all the rest.
 */
import type { Msg, MsgHdrs } from "@nats-io/transport-node";

const BEGINNING = "NATS/1.0";
const LINE_END = "\r\n";

/** The interface does not tell of `size`: the bytes of subject, reply, headers and data. */
interface SizedMsg extends Pick<Msg, "subject" | "reply" | "data"> {
  readonly headers?: MsgHdrs | undefined;
  readonly size?: () => number;
}

/** Empty where the message has no headers. `data`: what the message has, of whoever has asked for it: it is made anew each time. */
export function headerText(message: SizedMsg, data = message.data): string {
  const { subject, reply = "" } = message;
  const length = (message.size?.() ?? 0) - subject.length - reply.length - data.length;
  if (length === 0) return "";
  // On the wire they stand in front of the data, and the client hands out a part of what came.
  if (length > 0 && length <= data.byteOffset) {
    const text = Buffer.from(data.buffer, data.byteOffset - length, length).toString("latin1");
    if (text.startsWith(BEGINNING) && text.endsWith(LINE_END + LINE_END)) return text;
  }
  const { headers } = message;
  if (headers === undefined) return "";
  const lines = headers.keys().flatMap((name) => headers.values(name).map((value) => `${name}: ${value}`));
  return [BEGINNING, ...lines, "", ""].join(LINE_END);
}

/** The first value of the header; undefined where there is none of that name. */
export function headerIn(text: string, name: string): string | undefined {
  const before = `${LINE_END}${name}:`;
  const at = text.indexOf(before);
  if (at < 0) return undefined;
  const from = at + before.length;
  return text.slice(from, text.indexOf(LINE_END, from)).trim();
}
