/** XDP: one program at the driver's door. */
import { requireIfindex, requireInteger, U32_MAX } from "./bytes.js";
import { BpfUsageError } from "./errors.js";
import { createLink, type Link, type ProgramRef } from "./link.js";
import { ATTACH_TYPE, XDP_FLAG } from "./sys/uapi.js";

/** `native`: in the driver; `generic`: after an skb was built, on any interface; `offload`: on the card. */
export type XdpMode = "native" | "generic" | "offload";

export interface XdpOptions {
  readonly ifindex: number;
  /** Left out, the kernel takes native where the driver has it, else generic. */
  readonly mode?: XdpMode;
  /** Further XDP_FLAGS_*. */
  readonly flags?: number;
}

const MODE_FLAGS: Readonly<Record<XdpMode, number>> = {
  native: XDP_FLAG.NATIVE,
  generic: XDP_FLAG.GENERIC,
  offload: XDP_FLAG.OFFLOAD,
};

const REMEDIES = {
  EBUSY: "another XDP program is on the interface",
  EEXIST: "another XDP program is on the interface, in another mode",
  EOPNOTSUPP: "the driver has no XDP of this mode: take generic, or another card",
  EINVAL: "there is no such interface, or its settings (MTU, LRO, queues) do not allow XDP",
  ERANGE: "the MTU of the interface is too large for XDP",
};

export function attachXdp(program: ProgramRef, options: XdpOptions): Link {
  requireIfindex(options.ifindex);
  requireInteger(options.flags ?? 0, 0, U32_MAX, "XDP flags");
  const mode = options.mode === undefined ? 0 : MODE_FLAGS[options.mode];
  if (mode === undefined) throw new BpfUsageError(`XDP mode: "native", "generic" or "offload" expected`);
  return createLink({
    program,
    ifindex: options.ifindex,
    attachType: ATTACH_TYPE.XDP,
    flags: mode | (options.flags ?? 0),
    what: `XDP link on interface ${options.ifindex}`,
    remedies: REMEDIES,
  });
}
