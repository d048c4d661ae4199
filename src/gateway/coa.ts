/** CoA- and Disconnect-Requests: RFC 5176. */
import type { RadiusEvent } from "../events/types.js";
import {
  encodeRequest,
  encodeResponse,
  isRequestAuthentic,
  requestMessageAuthenticator,
  type Secret,
  ZERO_AUTHENTICATOR,
} from "../radius/authenticator.js";
import { CODE, TYPE } from "../radius/codes.js";
import { RadiusError } from "../radius/errors.js";
import { withoutLi } from "../radius/li.js";
import { type Attribute, firstAttribute, hasAttribute, type ReceivedPacket } from "../radius/packet.js";
import { rehideAttributes } from "../radius/rehide.js";
import { type CoaDecision, type CoaRules, decideCoa } from "./coa-rules.js";
import { newEventId } from "./event-id.js";
import { makeEvent, packetAttributes } from "./events.js";
import { orderInEvent } from "./li-order.js";
import type { DropReason, GatewayMetrics } from "./metrics.js";
import type { UpstreamPool } from "./pool.js";
import type { Clock, Log } from "./ports.js";
import { newProxyState, withoutProxyState } from "./proxy-state.js";
import type { Publisher } from "./publisher.js";
import { admit, type FrontDoor, finish, type Inbound, type Job } from "./service.js";
import { type Verdict, verdictOf } from "./verdict.js";

export interface CoaClient {
  readonly name: string;
  readonly secret: Secret;
  readonly requireMessageAuthenticator: boolean;
  readonly saltAuthenticator: "zero" | "packet";
}

export interface CoaOptions {
  readonly door: FrontDoor;
  readonly rules: CoaRules;
  readonly publisher: Publisher;
  /** NASes that take requests themselves, by client name. */
  readonly relays: ReadonlyMap<string, UpstreamPool>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: GatewayMetrics;
  readonly coaTimeoutMs: number;
  readonly resultWindowMs: number;
  readonly eventTimestampWindowSeconds: number;
}

type Go = Extract<CoaDecision, { kind: "go" }>;

export class CoaService {
  constructor(private readonly options: CoaOptions) {}

  receive(inbound: Inbound<CoaClient>): void {
    const job = admit(inbound, (packet, peer) => this.#check(packet, peer), this.options.door);
    if (job !== undefined) finish(this.#work(job), job, this.options.door);
  }

  #check(packet: ReceivedPacket, peer: CoaClient): DropReason | undefined {
    if (packet.code !== CODE.coaRequest && packet.code !== CODE.disconnectRequest) return "unexpected_code";
    if (!isRequestAuthentic(packet, peer.secret)) return "bad_authenticator";
    const authenticity = requestMessageAuthenticator(packet, peer.secret);
    if (authenticity === "bad") return "bad_message_authenticator";
    if (authenticity === "absent" && peer.requireMessageAuthenticator) return "missing_message_authenticator";
    return this.#isTimely(packet) ? undefined : "stale_timestamp";
  }

  #isTimely(packet: ReceivedPacket): boolean {
    const timestamp = firstAttribute(packet, TYPE.eventTimestamp);
    if (timestamp === undefined) return true;
    if (timestamp.length !== 4) return false;
    const off = Math.abs(timestamp.readUInt32BE(0) - this.options.clock.now() / 1000);
    return off <= this.options.eventTimestampWindowSeconds;
  }

  async #work(job: Job<CoaClient>): Promise<void> {
    const { packet, peer } = job;
    const authenticator = peer.saltAuthenticator === "zero" ? ZERO_AUTHENTICATOR : packet.authenticator;
    const decision = decideCoa(packet, { secret: peer.secret, authenticator }, this.options.rules);
    if (decision.kind === "nak") {
      this.options.log.info(
        { errorCause: decision.errorCause, detail: decision.detail, peer: peer.name },
        "CoA refused",
      );
      return this.#nak(job, decision.errorCause);
    }
    if (decision.relay !== undefined) {
      const reply = await this.#relay(job, decision.relay);
      if (reply === undefined) return this.#nak(job, 502);
      const isAck = reply.code === CODE.coaAck || reply.code === CODE.disconnectAck;
      if (!isAck || decision.order === undefined) {
        if (isAck && packet.code === CODE.disconnectRequest)
          await this.options.publisher.store(this.#event(job, decision));
        return this.#passOn(job, reply, isAck);
      }
    }
    const verdict = await this.#ask(job, decision);
    if (verdict.kind === "ack") this.#ack(job);
    else this.#nak(job, verdict.errorCause);
  }

  async #ask(job: Job<CoaClient>, decision: Go): Promise<Verdict> {
    const { publisher, coaTimeoutMs, resultWindowMs } = this.options;
    const limits = { timeoutMs: coaTimeoutMs, windowMs: resultWindowMs };
    const { results } = await publisher.askNow(this.#event(job, decision), limits);
    return verdictOf(results);
  }

  #event({ packet }: Job<CoaClient>, { nas, order }: Go): RadiusEvent {
    const { li, attributes } = orderInEvent(order);
    const now = this.options.clock.now();
    return makeEvent({
      id: newEventId(now),
      now,
      type: packet.code === CODE.coaRequest ? "coa" : "disconnect",
      nas,
      attributes: { ...packetAttributes(packet, this.options.rules.dictionary), ...attributes },
      ...(li === undefined ? {} : { li }),
    });
  }

  /** The NAS's answer without what a proxy added; undefined when it gave none. */
  async #relay(
    job: Job<CoaClient>,
    relay: string,
  ): Promise<{ code: number; attributes: readonly Attribute[] } | undefined> {
    const proxyState = newProxyState();
    const { packet, peer } = job;
    try {
      const reply = await this.options.relays.get(relay)?.ask("coa", relay, (nas, identifier) => {
        const from = { secret: peer.secret, authenticator: ZERO_AUTHENTICATOR };
        const to = { secret: nas.secret, authenticator: ZERO_AUTHENTICATOR };
        const { attributes, failed } = rehideAttributes(
          withoutLi(packet.attributes),
          from,
          to,
          this.options.rules.dictionary,
        );
        this.options.metrics.hiddenFailures(failed);
        const messageAuthenticator = hasAttribute(packet, TYPE.messageAuthenticator);
        const request = { code: packet.code, identifier, attributes: [...attributes, proxyState] };
        const bytes = encodeRequest(request, nas.secret, undefined, { messageAuthenticator });
        return { bytes, authenticator: bytes.subarray(4, 20) };
      });
      if (reply === undefined) return undefined;
      return { code: reply.packet.code, attributes: withoutProxyState(reply.packet.attributes, proxyState) };
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error;
      return undefined;
    }
  }

  #passOn(job: Job<CoaClient>, reply: { code: number; attributes: readonly Attribute[] }, isAck: boolean): void {
    const cause = reply.attributes.find(({ type }) => type === TYPE.errorCause)?.value;
    if (!isAck) this.options.metrics.nak(cause?.length === 4 ? cause.readUInt32BE(0) : 0);
    this.#answer(job, reply.code, withoutLi(reply.attributes));
    this.options.metrics.request("coa", isAck ? "ack" : "nak");
  }

  #ack(job: Job<CoaClient>): void {
    const code = job.packet.code === CODE.coaRequest ? CODE.coaAck : CODE.disconnectAck;
    this.#answer(job, code, proxyStates(job.packet));
    this.options.metrics.request("coa", "ack");
  }

  #nak(job: Job<CoaClient>, errorCause: number): void {
    const code = job.packet.code === CODE.coaRequest ? CODE.coaNak : CODE.disconnectNak;
    const value = Buffer.alloc(4);
    value.writeUInt32BE(errorCause);
    this.#answer(job, code, [{ type: TYPE.errorCause, value }, ...proxyStates(job.packet)]);
    this.options.metrics.request("coa", "nak");
    this.options.metrics.nak(errorCause);
  }

  #answer({ packet, peer, answer }: Job<CoaClient>, code: number, attributes: readonly Attribute[]): void {
    const messageAuthenticator = hasAttribute(packet, TYPE.messageAuthenticator);
    const response = { code, identifier: packet.identifier, attributes };
    answer(encodeResponse(response, peer.secret, packet.authenticator, { messageAuthenticator }));
  }
}

/** RFC 5176 section 3.1: a response carries the request's Proxy-States, in order. */
function proxyStates(packet: ReceivedPacket): readonly Attribute[] {
  return packet.attributes.filter(({ type }) => type === TYPE.proxyState);
}
