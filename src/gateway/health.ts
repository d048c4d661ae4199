/** Asks upstream servers that were not heard of whether they are alive: Status-Server, RFC 5997. */
import { encodeRequest } from "../radius/authenticator.js";
import { CODE } from "../radius/codes.js";
import { AUTHENTICATOR_BYTES } from "../radius/packet.js";
import type { Ticket } from "./channel.js";
import type { Cancel, Clock } from "./ports.js";
import { randomBytes } from "./random.js";
import type { Upstream, UpstreamPort } from "./upstream.js";

export interface HealthOptions {
  readonly clock: Clock;
  /** Between two questions, and how long an answer may take. */
  readonly intervalMs: number;
  /** Without: a server that went down is given another try after some intervals. */
  readonly statusServer: boolean;
}

const INTERVALS_TO_RETRY = 6;

export class HealthCheck {
  #cancel: Cancel | undefined;
  #intervalsDown = 0;
  #probe: Ticket | undefined;

  constructor(
    private readonly upstream: Upstream,
    private readonly port: UpstreamPort,
    private readonly options: HealthOptions,
  ) {
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#probe?.release();
  }

  #schedule(): void {
    this.#cancel = this.options.clock.after(this.options.intervalMs, () => {
      this.#check();
      this.#schedule();
    });
  }

  #check(): void {
    const { upstream, port, options } = this;
    if (upstream.heardWithin(port, options.intervalMs)) return;
    if (options.statusServer) return this.#ask();
    this.#intervalsDown = upstream.isUp(port) ? 0 : this.#intervalsDown + 1;
    if (this.#intervalsDown < INTERVALS_TO_RETRY) return;
    this.#intervalsDown = 0;
    upstream.tryAgain(port);
  }

  #ask(): void {
    if (this.#probe !== undefined) {
      // The last one was not answered for an interval.
      this.#probe.release();
      this.#probe = undefined;
      this.upstream.failed(this.port);
    }
    const { secret } = this.upstream;
    this.#probe = this.upstream.send(
      this.port,
      (identifier) => {
        const authenticator = randomBytes(AUTHENTICATOR_BYTES);
        const request = { code: CODE.statusServer, identifier, attributes: [] };
        return { bytes: encodeRequest(request, secret, authenticator), authenticator };
      },
      () => {
        this.#probe = undefined;
      },
      () => undefined,
    );
  }
}
