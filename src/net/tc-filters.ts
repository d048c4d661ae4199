/** The clsact filters of an interface. Throws NetlinkError. */
import { NetlinkError } from "./netlink/errors.js";
import { encodeFilterDump, parseFilter, type TcFilter } from "./netlink/filter.js";
import { NetlinkSocket } from "./netlink/socket.js";
import { MESSAGE, PROTOCOL } from "./netlink/uapi.js";

export type { TcFilter } from "./netlink/filter.js";

/** None where the interface has no clsact qdisc. */
export function clsactFilters(ifindex: number, direction: "ingress" | "egress"): TcFilter[] {
  using socket = new NetlinkSocket(PROTOCOL.ROUTE);
  try {
    const answers = socket.dump(MESSAGE.GETTFILTER, encodeFilterDump(ifindex, direction), "a list of tc filters");
    return answers.flatMap((answer) => parseFilter(answer) ?? []);
  } catch (error) {
    if (error instanceof NetlinkError && ["EINVAL", "ENOENT", "ENODEV"].includes(error.code)) return [];
    throw error;
  }
}
