/** One upstream RADIUS server, or a NAS that requests are relayed to: its channels, and whether it answers. */
import type { Secret } from "../radius/authenticator.js";
import type { ReceivedPacket } from "../radius/packet.js";
import { Channel, type OpenLink, type OutgoingRequest, type Ticket } from "./channel.js";
import type { Clock } from "./ports.js";

export const UPSTREAM_PORTS = ["auth", "accounting", "coa"] as const;
/** `coa` is that of a NAS to which requests are relayed. */
export type UpstreamPort = (typeof UPSTREAM_PORTS)[number];

export interface UpstreamOptions {
  readonly name: string;
  readonly secret: Secret;
  readonly requireMessageAuthenticator: boolean;
  readonly open: (port: UpstreamPort) => OpenLink;
  readonly clock: Clock;
  readonly dropped: (port: UpstreamPort) => void;
  /** Called when the server is seen to go down or come back. */
  readonly changed: (port: UpstreamPort, up: boolean) => void;
}

/** 64 times 256 requests at once. */
const MAX_CHANNELS = 64;
/** Time-outs in a row that make a server count as down. */
const FAILURES_TO_DOWN = 3;

interface PortState {
  readonly channels: Channel[];
  failures: number;
  up: boolean;
  /** On the monotonic clock; -Infinity when nothing was heard yet. */
  heard: number;
}

function newPortState(): PortState {
  return { channels: [], failures: 0, up: true, heard: -Infinity };
}

export class Upstream {
  readonly name: string;
  readonly secret: Secret;
  readonly #ports: Readonly<Record<UpstreamPort, PortState>>;
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.name = options.name;
    this.secret = options.secret;
    this.#options = options;
    this.#ports = { auth: newPortState(), accounting: newPortState(), coa: newPortState() };
  }

  isUp(port: UpstreamPort): boolean {
    return this.#ports[port].up;
  }

  heardWithin(port: UpstreamPort, ms: number): boolean {
    return this.#options.clock.monotonic() - this.#ports[port].heard < ms;
  }

  /** Sends a request; undefined where too many are under way. Throws what `build` throws. */
  send(
    port: UpstreamPort,
    build: (identifier: number) => OutgoingRequest,
    reply: (packet: ReceivedPacket) => void,
    broken: () => void,
  ): Ticket | undefined {
    const answered = (packet: ReceivedPacket) => {
      this.#answered(port);
      reply(packet);
    };
    return this.#channel(port)?.send(build, answered, broken);
  }

  /** A request was not answered in time, or the server is known to be unreachable. */
  failed(port: UpstreamPort): void {
    const state = this.#ports[port];
    state.failures++;
    if (state.up && state.failures >= FAILURES_TO_DOWN) this.#set(port, false);
  }

  /** Counts a server that is down as up, until it fails again. */
  tryAgain(port: UpstreamPort): void {
    const state = this.#ports[port];
    state.failures = FAILURES_TO_DOWN - 1;
    if (!state.up) this.#set(port, true);
  }

  async close(): Promise<void> {
    const channels = UPSTREAM_PORTS.flatMap((port) => this.#ports[port].channels);
    await Promise.all(channels.map((channel) => channel.close()));
  }

  #answered(port: UpstreamPort): void {
    const state = this.#ports[port];
    state.failures = 0;
    state.heard = this.#options.clock.monotonic();
    if (!state.up) this.#set(port, true);
  }

  #set(port: UpstreamPort, up: boolean): void {
    this.#ports[port].up = up;
    this.#options.changed(port, up);
  }

  #channel(port: UpstreamPort): Channel | undefined {
    const { channels } = this.#ports[port];
    const free = channels.find((channel) => !channel.isFull);
    if (free !== undefined || channels.length >= MAX_CHANNELS) return free;
    const { secret, requireMessageAuthenticator, open, dropped } = this.#options;
    const channel = new Channel(open(port), { secret, requireMessageAuthenticator, dropped: () => dropped(port) });
    channels.push(channel);
    return channel;
  }
}
