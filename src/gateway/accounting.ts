/** Accounting: RFC 2866. A record is acknowledged when its event is stored and, where it is relayed, the upstream acknowledged it. */

import { nasToken } from "../events/subjects.js";
import {
  encodeRequest,
  encodeResponse,
  isRequestAuthentic,
  requestMessageAuthenticator,
  type Secret,
} from "../radius/authenticator.js";
import { CODE, TYPE } from "../radius/codes.js";
import type { Dictionary } from "../radius/dictionary.js";
import { RadiusError } from "../radius/errors.js";
import { type Attribute, firstAttribute, hasAttribute, type ReceivedPacket } from "../radius/packet.js";
import type { AccountingIds } from "./accounting-id.js";
import { type NasClient, speaksForItself } from "./auth-proxy.js";
import type { OutgoingRequest } from "./channel.js";
import { accountingEventType, makeEvent, packetAttributes } from "./events.js";
import type { UpstreamReply } from "./exchange.js";
import { namedNas } from "./identity.js";
import type { DropReason, GatewayMetrics } from "./metrics.js";
import type { UpstreamPool } from "./pool.js";
import type { Clock } from "./ports.js";
import { newProxyState, withoutProxyState } from "./proxy-state.js";
import type { Publisher } from "./publisher.js";
import { admit, type FrontDoor, finish, type Inbound, type Job } from "./service.js";

export interface AccountingOptions {
  readonly door: FrontDoor;
  /** Undefined: the gateway answers alone. */
  readonly pool: UpstreamPool | undefined;
  readonly publisher: Publisher;
  readonly ids: AccountingIds;
  readonly dictionary: Dictionary;
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly fallbackNas: string | undefined;
}

export class Accounting {
  constructor(private readonly options: AccountingOptions) {}

  receive(inbound: Inbound<NasClient>): void {
    const job = admit(inbound, check, this.options.door);
    if (job === undefined) return;
    if (job.packet.code === CODE.statusServer) return this.#answer(job, [], "status");
    finish(this.#record(job), job, this.options.door);
  }

  async #record(job: Job<NasClient>): Promise<void> {
    const proxyState = newProxyState();
    try {
      const [stored, reply] = await Promise.all([this.#store(job), this.#relay(job, proxyState)]);
      if (!stored || reply === undefined) {
        this.options.metrics.request("accounting", stored ? "timeout" : "not_stored");
        return job.abandon();
      }
      this.#answer(job, withoutProxyState(reply, proxyState), "answered");
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error;
      this.options.door.drops.drop("accounting", "too_long", job.peer.name);
      job.abandon();
    }
  }

  async #store({ packet, peer }: Job<NasClient>): Promise<boolean> {
    const { clock, dictionary, publisher, fallbackNas } = this.options;
    const type = accountingEventType(packet);
    if (type === undefined) return true;
    const now = clock.now();
    const nas = nasToken(namedNas(packet, dictionary) ?? peer.nasIdentifier ?? fallbackNas ?? peer.name);
    const id = this.options.ids.ofPacket(packet, nas, now);
    return publisher.store(makeEvent({ id, now, type, nas, attributes: packetAttributes(packet, dictionary) }));
  }

  /** The attributes of the answer; undefined when the upstream did not give one. */
  async #relay(job: Job<NasClient>, proxyState: Attribute): Promise<readonly Attribute[] | undefined> {
    const { pool } = this.options;
    if (pool === undefined) return job.packet.attributes.filter(({ type }) => type === TYPE.proxyState);
    const reply: UpstreamReply | undefined = await pool.ask("accounting", loadKey(job.packet), (upstream, identifier) =>
      toUpstream(job.packet, proxyState, upstream.secret, identifier),
    );
    return reply?.packet.code === CODE.accountingResponse ? reply.packet.attributes : undefined;
  }

  #answer(
    { packet, peer, answer }: Job<NasClient>,
    attributes: readonly Attribute[],
    result: "answered" | "status",
  ): void {
    const response = { code: CODE.accountingResponse, identifier: packet.identifier, attributes };
    const messageAuthenticator = packet.code === CODE.statusServer;
    answer(encodeResponse(response, peer.secret, packet.authenticator, { messageAuthenticator }));
    this.options.metrics.request("accounting", result);
  }
}

function toUpstream(
  packet: ReceivedPacket,
  proxyState: Attribute,
  secret: Secret,
  identifier: number,
): OutgoingRequest {
  const request = { code: CODE.accountingRequest, identifier, attributes: [...packet.attributes, proxyState] };
  const messageAuthenticator = hasAttribute(packet, TYPE.messageAuthenticator);
  const bytes = encodeRequest(request, secret, undefined, { messageAuthenticator });
  return { bytes, authenticator: bytes.subarray(4, 20) };
}

function check(packet: ReceivedPacket, peer: NasClient): DropReason | undefined {
  if (packet.code !== CODE.accountingRequest && packet.code !== CODE.statusServer) return "unexpected_code";
  const authenticity = requestMessageAuthenticator(packet, peer.secret);
  if (authenticity === "bad") return "bad_message_authenticator";
  if (packet.code === CODE.statusServer) return authenticity === "good" ? undefined : "missing_message_authenticator";
  if (!isRequestAuthentic(packet, peer.secret)) return "bad_authenticator";
  return speaksForItself(packet, peer) ? undefined : "other_nas";
}

/** Records of one session go to one server, in order. */
function loadKey(packet: ReceivedPacket): string {
  return firstAttribute(packet, TYPE.acctSessionId)?.toString("latin1") ?? "";
}
