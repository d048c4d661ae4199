/** One identifier space of 256 towards an upstream server: a UDP socket, or a TLS connection. */

import { checkMessageAuthenticator, isResponseAuthentic, type Secret } from "../radius/authenticator.js";
import { CODE, TYPE } from "../radius/codes.js";
import { RadiusError } from "../radius/errors.js";
import { decodePacket, hasAttribute, type ReceivedPacket } from "../radius/packet.js";

const IDENTIFIERS = 256;

/** Sends bytes to the upstream server. */
export interface Link {
  /** Of a link that loses nothing: as long as it is the same, what was sent must not be sent again. */
  readonly epoch?: number;
  send(bytes: Buffer): void;
  close(): Promise<void>;
}

/** Opens a link; what arrives is handed to `receive`, and `broken` is called when requests on it will not be answered. */
export type OpenLink = (receive: (bytes: Buffer) => void, broken: () => void) => Link;

export interface OutgoingRequest {
  readonly bytes: Buffer;
  readonly authenticator: Buffer;
}

interface Waiter {
  readonly authenticator: Buffer;
  readonly reply: (packet: ReceivedPacket) => void;
  readonly broken: () => void;
}

/** A request that was sent. */
export interface Ticket {
  /** Sends the same bytes again. */
  resend(): void;
  /** Gives the identifier back. */
  release(): void;
}

export interface ChannelOptions {
  readonly secret: Secret;
  /** Access-Accept, -Reject and -Challenge need a Message-Authenticator. */
  readonly requireMessageAuthenticator: boolean;
  /** A response was dropped: it fits no request, or is not authentic. */
  readonly dropped: () => void;
}

export class Channel {
  readonly #waiting: (Waiter | undefined)[] = Array.from({ length: IDENTIFIERS });
  readonly #link: Link;
  #next = 0;
  #used = 0;

  constructor(
    open: OpenLink,
    private readonly options: ChannelOptions,
  ) {
    this.#link = open(
      (bytes) => this.#receive(bytes),
      () => this.#broken(),
    );
  }

  get isFull(): boolean {
    return this.#used === IDENTIFIERS;
  }

  /**
   * Sends the request that `build` makes for a free identifier; undefined where none is free.
   * Throws what `build` throws.
   */
  send(
    build: (identifier: number) => OutgoingRequest,
    reply: (packet: ReceivedPacket) => void,
    broken: () => void,
  ): Ticket | undefined {
    const identifier = this.#free();
    if (identifier === undefined) return undefined;
    const { bytes, authenticator } = build(identifier);
    const waiter: Waiter = { authenticator, reply, broken };
    this.#waiting[identifier] = waiter;
    this.#used++;
    const link = this.#link;
    link.send(bytes);
    let { epoch } = link;
    return {
      resend: () => {
        if (epoch !== undefined && epoch === link.epoch) return;
        link.send(bytes);
        epoch = link.epoch;
      },
      release: () => this.#release(identifier, waiter),
    };
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** Round robin, so that an identifier rests before it is used again. */
  #free(): number | undefined {
    if (this.isFull) return undefined;
    while (this.#waiting[this.#next] !== undefined) this.#next = (this.#next + 1) % IDENTIFIERS;
    const identifier = this.#next;
    this.#next = (this.#next + 1) % IDENTIFIERS;
    return identifier;
  }

  #release(identifier: number, waiter: Waiter): void {
    if (this.#waiting[identifier] !== waiter) return;
    this.#waiting[identifier] = undefined;
    this.#used--;
  }

  #receive(bytes: Buffer): void {
    try {
      const packet = decodePacket(bytes);
      const waiter = this.#waiting[packet.identifier];
      if (waiter === undefined || !this.#isAcceptable(packet, waiter.authenticator)) return this.options.dropped();
      this.#release(packet.identifier, waiter);
      waiter.reply(packet);
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error;
      this.options.dropped();
    }
  }

  #isAcceptable(packet: ReceivedPacket, requestAuthenticator: Buffer): boolean {
    const { secret } = this.options;
    if (!isResponseAuthentic(packet, secret, requestAuthenticator)) return false;
    if (packet.code === CODE.accountingResponse) return true;
    const check = checkMessageAuthenticator(packet, secret, requestAuthenticator);
    if (check !== "absent") return check === "good";
    return !this.options.requireMessageAuthenticator && !hasAttribute(packet, TYPE.eapMessage);
  }

  #broken(): void {
    for (const waiter of this.#waiting) waiter?.broken();
  }
}
