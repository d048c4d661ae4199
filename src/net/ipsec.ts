/** The IPsec policies of this namespace for packets that leave it, kept up to date by the kernel's events. */
import type { IpAddress } from "./addresses.js";
import { NetlinkError } from "./netlink/errors.js";
import { NetlinkEvents } from "./netlink/events.js";
import {
  covers,
  encodeDefaultQuery,
  encodePolicyDump,
  type OutputPolicy,
  parseDefaultBlocks,
  parseOutputPolicy,
} from "./netlink/policy.js";
import { NetlinkSocket } from "./netlink/socket.js";
import { GROUP, PROTOCOL, XFRM } from "./netlink/uapi.js";

/** The kernel was built without IPsec, or without the part of it that is asked for. */
const NOT_THERE = new Set(["EPROTONOSUPPORT", "EINVAL", "ENOPROTOOPT"]);

export class IpsecPolicies implements Disposable {
  readonly #socket: NetlinkSocket | undefined;
  readonly #events: NetlinkEvents | undefined;
  #policies: OutputPolicy[] = [];
  #blocksByDefault = false;
  #pending: NodeJS.Immediate | undefined;

  /** `changed` is called after policies came or went. Throws NetlinkError. */
  constructor(private readonly changed: () => void) {
    try {
      this.#socket = new NetlinkSocket(PROTOCOL.XFRM);
    } catch (error) {
      if (error instanceof NetlinkError && NOT_THERE.has(error.code)) return;
      throw error;
    }
    this.#events = new NetlinkEvents(PROTOCOL.XFRM, [GROUP.XFRM_POLICY], {
      message: () => this.#lookSoon(),
      overrun: () => this.#lookSoon(),
    });
    this.refresh();
  }

  /** Whether copies from `source` to `destination` may be under a policy, as far as it is known. */
  covers(source: IpAddress, destination: IpAddress): boolean {
    return this.#blocksByDefault || this.#policies.some((policy) => covers(policy, source, destination));
  }

  /** Whether anything that leaves may be under a policy. */
  get areThere(): boolean {
    return this.#blocksByDefault || this.#policies.length > 0;
  }

  /**
   * From now on `covers` knows of every policy that is in force, also where the events that tell of it still wait. Asks the
   * kernel only where some do: a list of thousands of policies takes longer than an intercept may. Throws NetlinkError.
   */
  catchUp(): void {
    if (this.#pending !== undefined || this.#events?.isBehind === true) this.refresh();
  }

  /** Asks the kernel. Throws NetlinkError. */
  refresh(): void {
    if (!this.#socket) return;
    const answers = this.#socket.dump(XFRM.GETPOLICY, encodePolicyDump(), "a list of the IPsec policies");
    this.#policies = answers.flatMap((answer) => parseOutputPolicy(answer) ?? []);
    this.#blocksByDefault = this.#askDefault(this.#socket);
  }

  close(): void {
    clearImmediate(this.#pending);
    this.#events?.close();
    this.#socket?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #askDefault(socket: NetlinkSocket): boolean {
    try {
      return parseDefaultBlocks(socket.ask(XFRM.GETDEFAULT, encodeDefaultQuery(), "the default IPsec policy"));
    } catch (error) {
      if (error instanceof NetlinkError && NOT_THERE.has(error.code)) return false;
      throw error;
    }
  }

  /** Policies mostly come several at a time. */
  #lookSoon(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      try {
        this.refresh();
      } catch {
        // No memory for the moment, say: what was known stays in force.
        return;
      }
      this.changed();
    });
  }
}
