/** What the three services share: taking a datagram apart, checking it, answering each request once. */
import type { Secret } from "../radius/authenticator.js";
import { RadiusError } from "../radius/errors.js";
import { decodePacket, type ReceivedPacket } from "../radius/packet.js";
import type { Drops } from "./drops.js";
import type { DatagramService, DropReason } from "./metrics.js";
import type { Log } from "./ports.js";
import type { Exchange, ReplyCache } from "./replies.js";

export interface Peer {
  readonly name: string;
  readonly secret: Secret;
}

/** A datagram or a packet of a connection, and the way back. */
export interface Inbound<P extends Peer> {
  readonly bytes: Buffer;
  readonly peer: P;
  /** Names the sender down to its port or connection. */
  readonly source: string;
  readonly reply: (bytes: Buffer) => void;
}

export interface FrontDoor {
  readonly service: DatagramService;
  readonly drops: Drops;
  readonly replies: ReplyCache;
  readonly log: Log;
  /** A retransmission was answered from memory, or is being worked on. */
  readonly duplicate: () => void;
}

/** Checks that come before a request is believed; the reason why it is dropped, or undefined. */
export type Check<P extends Peer> = (packet: ReceivedPacket, peer: P) => DropReason | undefined;

/** Work on one authentic, new request. */
export interface Job<P extends Peer> {
  readonly packet: ReceivedPacket;
  readonly peer: P;
  /** Answers, now and to retransmissions. */
  readonly answer: (bytes: Buffer) => void;
  /** Leaves the request without an answer; a retransmission starts anew. */
  readonly abandon: () => void;
}

/** Takes what arrived apart; undefined where it was dropped, or answered as a retransmission. */
export function admit<P extends Peer>(inbound: Inbound<P>, check: Check<P>, door: FrontDoor): Job<P> | undefined {
  const { peer } = inbound;
  const packet = decoded(inbound, door);
  if (packet === undefined) return undefined;
  const reason = check(packet, peer);
  if (reason !== undefined) {
    door.drops.drop(door.service, reason, peer.name);
    return undefined;
  }
  const arrival = door.replies.arrive(inbound.source, packet);
  if (arrival.kind === "new") return job(inbound, packet, arrival.exchange);
  if (arrival.kind === "full") door.drops.drop(door.service, "overload", peer.name);
  else door.duplicate();
  if (arrival.kind === "answered") inbound.reply(arrival.reply);
  return undefined;
}

/** Waits for the work on a request; what nobody foresaw costs that request and not the gateway. */
export function finish<P extends Peer>(work: Promise<void>, request: Job<P>, { service, log }: FrontDoor): void {
  work.catch((error: unknown) => {
    log.error({ service, error: (error as Error).stack }, "a request was given up because of an error in this program");
    request.abandon();
  });
}

function decoded<P extends Peer>(inbound: Inbound<P>, door: FrontDoor): ReceivedPacket | undefined {
  try {
    return decodePacket(inbound.bytes);
  } catch (error) {
    if (!(error instanceof RadiusError)) throw error;
    door.drops.drop(door.service, "malformed", inbound.peer.name);
    return undefined;
  }
}

function job<P extends Peer>(inbound: Inbound<P>, packet: ReceivedPacket, exchange: Exchange): Job<P> {
  return {
    packet,
    peer: inbound.peer,
    answer: (bytes) => {
      exchange.answer(bytes);
      inbound.reply(bytes);
    },
    abandon: () => exchange.abandon(),
  };
}
