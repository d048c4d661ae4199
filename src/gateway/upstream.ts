/** One upstream RADIUS server: its channels, and whether it answers. */
import type { Secret } from "../radius/authenticator.js";
import type { ReceivedPacket } from "../radius/packet.js";
import { Channel, type OpenLink, type OutgoingRequest, type Ticket } from "./channel.js";

/** `coa` is that of a NAS to which requests are relayed. */
export type UpstreamPort = "auth" | "accounting" | "coa";

export interface UpstreamOptions {
  readonly name: string;
  readonly secret: Secret;
  readonly requireMessageAuthenticator: boolean;
  readonly open: (port: UpstreamPort) => OpenLink;
  readonly dropped: (port: UpstreamPort) => void;
  /** Called when the server is seen to go down or come back. */
  readonly changed: (up: boolean) => void;
}

/** 64 times 256 requests at once. */
const MAX_CHANNELS = 64;
/** Time-outs in a row that make a server count as down. */
const FAILURES_TO_DOWN = 3;

export class Upstream {
  readonly name: string;
  readonly secret: Secret;
  readonly #channels: Record<UpstreamPort, Channel[]> = { auth: [], accounting: [], coa: [] };
  readonly #options: UpstreamOptions;
  #failures = 0;
  #up = true;

  constructor(options: UpstreamOptions) {
    this.name = options.name;
    this.secret = options.secret;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Sends a request; undefined where too many are under way. Throws what `build` throws. */
  send(
    port: UpstreamPort,
    build: (identifier: number) => OutgoingRequest,
    reply: (packet: ReceivedPacket) => void,
    broken: () => void,
  ): Ticket | undefined {
    const channel = this.#channel(port);
    const answered = (packet: ReceivedPacket) => {
      this.#answered();
      reply(packet);
    };
    return channel?.send(build, answered, broken);
  }

  /** A request was not answered in time, or the server is known to be unreachable. */
  failed(): void {
    this.#failures++;
    if (this.#up && this.#failures >= FAILURES_TO_DOWN) this.#set(false);
  }

  async close(): Promise<void> {
    await Promise.all(
      Object.values(this.#channels)
        .flat()
        .map((channel) => channel.close()),
    );
  }

  #answered(): void {
    this.#failures = 0;
    if (!this.#up) this.#set(true);
  }

  #set(up: boolean): void {
    this.#up = up;
    this.#options.changed(up);
  }

  #channel(port: UpstreamPort): Channel | undefined {
    const channels = this.#channels[port];
    const free = channels.find((channel) => !channel.isFull);
    if (free !== undefined || channels.length >= MAX_CHANNELS) return free;
    const { secret, requireMessageAuthenticator, open, dropped } = this.#options;
    const channel = new Channel(open(port), { secret, requireMessageAuthenticator, dropped: () => dropped(port) });
    channels.push(channel);
    return channel;
  }
}
