/** A link: the attachment of a program as an object of its own. */
import { requireInteger, U32_MAX } from "./bytes.js";
import { BpfError, type Remedies } from "./errors.js";
import { type FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";
import { openPin, pinFd, unpinPath } from "./pin.js";
import { Attributes, bpf, objectInfo } from "./sys/bpf.js";
import { ATTACH_TYPE, ATTR, COMMAND, INFO, LINK_TYPE, UPDATE_FLAG } from "./sys/uapi.js";

/** What can stand in a program's place: its descriptor. */
export interface ProgramRef {
  readonly fd: number;
}

/** What attaching gives, whichever hook it is. */
export interface Attachment extends Disposable {
  /** Puts another program in the place of the running one without a gap. */
  update(program: ProgramRef): void;
  /** Takes the program off the hook. */
  detach(): void;
  /** Lets go of what this process holds. */
  close(): void;
}

export type LinkAttachType = "tcx-ingress" | "tcx-egress" | "xdp" | "other";

export interface LinkInfo {
  readonly id: number;
  readonly progId: number;
  readonly attachType: LinkAttachType;
  /** 0 where the interface is gone (the link is then dead), or the link is not about an interface. */
  readonly ifindex: number;
}

export class Link implements Attachment {
  readonly id: number;
  readonly #fd: FileDescriptor;
  #pinPath: string | undefined;

  /** Takes `fd` over, also where it throws. */
  constructor(fd: FileDescriptor, pinPath?: string) {
    this.#fd = fd;
    this.#pinPath = pinPath;
    try {
      this.id = objectInfo(fd.value, fd.what).readUInt32LE(INFO.bpf_link_info.id);
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  static openPinned(path: string): Link {
    return new Link(openPin(path, "link"), path);
  }

  /** Opens the link with this id, e.g. one that `queryTcx` named. */
  static openById(id: number): Link {
    requireInteger(id, 1, U32_MAX, "link id");
    const fd = native().libbpf.bpf_link_get_fd_by_id(id);
    return new Link(ownedFd(fd, `link ${id}`, `open the link with id ${id}`));
  }

  get fd(): number {
    return this.#fd.value;
  }

  /** Where it is pinned, as far as this object knows. */
  get pinPath(): string | undefined {
    return this.#pinPath;
  }

  info(): LinkInfo {
    const info = objectInfo(this.fd, this.what);
    const at = INFO.bpf_link_info;
    const attachType = linkAttachType(info);
    return {
      id: info.readUInt32LE(at.id),
      progId: info.readUInt32LE(at.prog_id),
      attachType,
      ifindex: attachType === "other" ? 0 : info.readUInt32LE(at["tcx.ifindex"]),
    };
  }

  /**
   * Puts `program` in the place of the running one, atomically: each packet is seen by one of the two.
   * With `expectedOld`, fails with EPERM where another program runs by now.
   */
  update(program: ProgramRef, options: { readonly expectedOld?: ProgramRef } = {}): void {
    const at = ATTR.link_update;
    const attributes = new Attributes().u32(at.link_fd, this.fd).u32(at.new_prog_fd, program.fd);
    const { expectedOld } = options;
    if (expectedOld !== undefined) attributes.u32(at.flags, UPDATE_FLAG.REPLACE).u32(at.old_prog_fd, expectedOld.fd);
    const remedies = {
      ENOLINK: "the link's interface is gone, or the link was detached",
      ...(expectedOld === undefined ? {} : { EPERM: "another program than the expected one runs there" }),
    };
    bpf(COMMAND.LINK_UPDATE, attributes, `replace the program of ${this.what}`, { remedies });
  }

  /** Takes the program off the hook, pinned or not, removes the pin that this object knows, and closes. */
  detach(): void {
    const result = native().libbpf.bpf_link_detach(this.fd);
    if (result < 0) throw new BpfError(`detach ${this.what}`, -result);
    try {
      this.unpin();
    } finally {
      this.close();
    }
  }

  /** Gives the link a name, so that it outlives this process. */
  pin(path: string): void {
    pinFd(this.fd, path, this.what);
    this.#pinPath = path;
  }

  /** Removes the name; from then on the link lives as long as this object. False where it was not pinned. */
  unpin(): boolean {
    if (this.#pinPath === undefined) return false;
    const path = this.#pinPath;
    this.#pinPath = undefined;
    return unpinPath(path);
  }

  /** Closes the descriptor. A link that is not pinned is detached by it. */
  close(): void {
    this.#fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For error texts. */
  get what(): string {
    return this.#fd.what;
  }
}

function linkAttachType(info: Buffer): LinkAttachType {
  const type = info.readUInt32LE(INFO.bpf_link_info.type);
  if (type === LINK_TYPE.XDP) return "xdp";
  if (type !== LINK_TYPE.TCX) return "other";
  const attachType = info.readUInt32LE(INFO.bpf_link_info["tcx.attach_type"]);
  return attachType === ATTACH_TYPE.TCX_INGRESS ? "tcx-ingress" : "tcx-egress";
}

export interface LinkRequest {
  readonly program: ProgramRef;
  readonly ifindex: number;
  readonly attachType: number;
  readonly flags: number;
  /** For error texts, e.g. `tcx ingress link on interface 7`. */
  readonly what: string;
  readonly remedies: Remedies;
}

const NO_INTERFACE = "there is no interface with this index in the network namespace of this process";

/** Creates a link on an interface; `more` may set further attributes. */
export function createLink(request: LinkRequest, more?: (attributes: Attributes) => void): Link {
  const at = ATTR.link_create;
  const attributes = new Attributes()
    .u32(at.prog_fd, request.program.fd)
    .u32(at.target_ifindex, request.ifindex)
    .u32(at.attach_type, request.attachType)
    .u32(at.flags, request.flags);
  more?.(attributes);
  const fd = bpf(COMMAND.LINK_CREATE, attributes, `create ${request.what}`, {
    remedies: { ENODEV: NO_INTERFACE, ...request.remedies },
  });
  return new Link(ownedFd(fd, request.what, request.what));
}
