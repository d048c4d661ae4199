/** tc filters on a clsact qdisc (rtnetlink(7), RTM_GETTFILTER). Pure. */
import { fixedPart, type NetlinkMessage, parseAttributes, textAttribute } from "./message.js";
import { BPF_FILTER, CLSACT_PARENT, FILTER, MESSAGE } from "./uapi.js";

/** `struct tcmsg`: family, padding, ifindex, handle, parent, info. */
const TCMSG_BYTES = 20;

export interface TcFilter {
  /** Such as `bpf`, `flower`, `u32`. */
  readonly kind: string;
  /** Filters run in the order of their priorities, 1 first. */
  readonly priority: number;
  readonly handle: number;
  /** Of a filter of kind bpf, as whoever put it there called it. */
  readonly name?: string;
}

export function encodeFilterDump(ifindex: number, direction: keyof typeof CLSACT_PARENT): Buffer {
  const bytes = Buffer.alloc(TCMSG_BYTES);
  bytes.writeInt32LE(ifindex, 4);
  bytes.writeUInt32LE(CLSACT_PARENT[direction], 12);
  return bytes;
}

/** Undefined for what is no filter: the head of a chain or of a priority. Throws NetlinkFormatError. */
export function parseFilter({ type, payload }: NetlinkMessage): TcFilter | undefined {
  if (type !== MESSAGE.NEWTFILTER) return undefined;
  const info = fixedPart(payload, TCMSG_BYTES, "filter");
  const handle = info.readUInt32LE(8);
  const attributes = parseAttributes(payload, TCMSG_BYTES);
  const kind = textAttribute(attributes, FILTER.KIND);
  if (kind === undefined || handle === 0) return undefined;
  const options = attributes.get(FILTER.OPTIONS);
  const name = kind === "bpf" && options ? textAttribute(parseAttributes(options), BPF_FILTER.NAME) : undefined;
  return { kind, priority: info.readUInt32LE(16) >>> 16, handle, ...(name !== undefined && { name }) };
}
