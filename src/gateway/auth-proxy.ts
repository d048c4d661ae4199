/** The authentication proxy: RFC 2865 section 2.3, with the LI attributes taken out on the way to the NAS. */
import { encodeRequest, encodeResponse, requestMessageAuthenticator, type Secret } from "../radius/authenticator.js";
import { CODE, TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import { withoutLi } from "../radius/li.js";
import {
  type Attribute,
  AUTHENTICATOR_BYTES,
  firstAttribute,
  hasAttribute,
  type ReceivedPacket,
} from "../radius/packet.js";
import { rehideAttributes } from "../radius/rehide.js";
import type { OutgoingRequest } from "./channel.js";
import type { UpstreamReply } from "./exchange.js";
import type { Login } from "./login.js";
import type { DropReason, GatewayMetrics } from "./metrics.js";
import type { UpstreamPool } from "./pool.js";
import { newProxyState, withoutProxyState } from "./proxy-state.js";
import { randomBytes } from "./random.js";
import { admit, type FrontDoor, finish, type Inbound, type Job } from "./service.js";
import type { StickyStates } from "./sticky.js";

export interface NasClient {
  readonly name: string;
  readonly secret: Secret;
  readonly nasIdentifier: string | undefined;
  readonly requireMessageAuthenticator: boolean;
}

export interface AuthProxyOptions {
  readonly door: FrontDoor;
  readonly pool: UpstreamPool;
  readonly states: StickyStates;
  readonly login: Login;
  readonly dictionary: Dictionary;
  readonly metrics: GatewayMetrics;
}

const RESULTS = new Map<number, "accept" | "reject" | "challenge">([
  [CODE.accessAccept, "accept"],
  [CODE.accessReject, "reject"],
  [CODE.accessChallenge, "challenge"],
]);

export class AuthProxy {
  constructor(private readonly options: AuthProxyOptions) {}

  receive(inbound: Inbound<NasClient>): void {
    const job = admit(inbound, check, this.options.door);
    if (job === undefined) return;
    if (job.packet.code === CODE.statusServer) return this.#status(job);
    finish(this.#proxy(job), job, this.options.door);
  }

  /** RFC 5997 section 3: an Access-Accept says that we are alive. */
  #status({ packet, peer, answer }: Job<NasClient>): void {
    const { identifier } = packet;
    answer(encodeResponse({ code: CODE.accessAccept, identifier, attributes: [] }, peer.secret, packet.authenticator));
    this.options.metrics.request("auth", "status");
  }

  async #proxy(job: Job<NasClient>): Promise<void> {
    const { pool, metrics, door } = this.options;
    const proxyState = newProxyState();
    try {
      const state = firstAttribute(job.packet, TYPE.state);
      const reply = await pool.ask(
        "auth",
        loadKey(job),
        (upstream, identifier) => this.#toUpstream(job, proxyState, upstream.secret, identifier),
        state === undefined ? undefined : this.options.states.find(state),
      );
      if (reply === undefined) {
        metrics.request("auth", "timeout");
        return job.abandon();
      }
      await this.#fromUpstream(job, reply, proxyState);
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error;
      door.drops.drop("auth", "too_long", job.peer.name);
      job.abandon();
    }
  }

  #toUpstream(job: Job<NasClient>, proxyState: Attribute, secret: Secret, identifier: number): OutgoingRequest {
    const { packet, peer } = job;
    const authenticator = randomBytes(AUTHENTICATOR_BYTES);
    const from = { secret: peer.secret, authenticator: packet.authenticator };
    const { attributes, failed } = rehideAttributes(
      packet.attributes,
      from,
      { secret, authenticator },
      this.options.dictionary,
    );
    this.options.metrics.hiddenFailures(failed);
    const request = {
      code: CODE.accessRequest,
      identifier,
      attributes: [...withChapChallenge(attributes, packet), proxyState],
    };
    return { bytes: encodeRequest(request, secret, authenticator), authenticator };
  }

  /** Returns a promise where the answer has to wait. */
  #fromUpstream(job: Job<NasClient>, reply: UpstreamReply, proxyState: Attribute): Promise<void> | void {
    const { metrics, login } = this.options;
    const { packet, upstream } = reply;
    const result = RESULTS.get(packet.code);
    if (result === undefined) return job.abandon();
    if (!hasAttribute(packet, TYPE.messageAuthenticator)) metrics.unsignedReply(upstream.name);
    const bytes = this.#toClient(job, reply, proxyState);
    const state = result === "challenge" ? firstAttribute(packet, TYPE.state) : undefined;
    if (state !== undefined) this.options.states.remember(state, upstream);
    const answer = () => {
      job.answer(bytes);
      metrics.request("auth", result);
    };
    if (result !== "accept") return answer();
    const hop = { secret: upstream.secret, authenticator: reply.authenticator };
    const held = login.accepted(job.packet, packet, job.peer, hop);
    return held === undefined ? answer() : held.then(answer);
  }

  #toClient({ packet: request, peer }: Job<NasClient>, reply: UpstreamReply, proxyState: Attribute): Buffer {
    const { dictionary, metrics } = this.options;
    const { packet, upstream, authenticator } = reply;
    const { attributes, failed } = rehideAttributes(
      withoutProxyState(withoutLi(packet.attributes), proxyState),
      { secret: upstream.secret, authenticator },
      { secret: peer.secret, authenticator: request.authenticator },
      dictionary,
    );
    metrics.hiddenFailures(failed);
    const response = { code: packet.code, identifier: request.identifier, attributes };
    return encodeResponse(response, peer.secret, request.authenticator);
  }
}

/** Pure; the order is from cheap to dear. */
function check(packet: ReceivedPacket, peer: NasClient): DropReason | undefined {
  const { code } = packet;
  if (code !== CODE.accessRequest && code !== CODE.statusServer) return "unexpected_code";
  const authenticity = requestMessageAuthenticator(packet, peer.secret);
  if (authenticity === "bad") return "bad_message_authenticator";
  if (authenticity === "absent") {
    const needed =
      peer.requireMessageAuthenticator || code === CODE.statusServer || hasAttribute(packet, TYPE.eapMessage);
    if (needed) return "missing_message_authenticator";
    if (hasAttribute(packet, TYPE.proxyState)) return "unprotected_proxy_state";
  }
  return speaksForItself(packet, peer) ? undefined : "other_nas";
}

/** A NAS whose identifier is configured may not speak for another. */
export function speaksForItself(packet: ReceivedPacket, peer: NasClient): boolean {
  if (peer.nasIdentifier === undefined) return true;
  const identifier = firstAttribute(packet, TYPE.nasIdentifier);
  return identifier === undefined || identifier.toString("utf8") === peer.nasIdentifier;
}

/** RFC 2865 section 5.3: without CHAP-Challenge the request authenticator is the challenge, and ours is another one. */
function withChapChallenge(attributes: readonly Attribute[], request: ReceivedPacket): readonly Attribute[] {
  if (!hasAttribute(request, TYPE.chapPassword) || hasAttribute(request, TYPE.chapChallenge)) return attributes;
  return [...attributes, { type: TYPE.chapChallenge, value: request.authenticator }];
}

/** What one login's packets have in common. */
function loadKey({ packet, peer }: Job<NasClient>): string {
  const user = firstAttribute(packet, TYPE.userName)?.toString("latin1") ?? "";
  const station = firstAttribute(packet, TYPE.callingStationId)?.toString("latin1") ?? "";
  return `${peer.name}\0${user}\0${station}`;
}
