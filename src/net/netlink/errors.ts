/** The kernel refused a netlink request, or the socket does not work. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  constructor(
    message: string,
    /** Name of the errno, e.g. `ENODEV`. */
    readonly code: string,
  ) {
    super(message);
  }
}

/** Bytes that are not what the kernel's netlink messages look like. */
export class NetlinkFormatError extends Error {
  override readonly name = "NetlinkFormatError";
}
