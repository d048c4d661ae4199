/** A mediation device (or the router in front of it) at the end of a tap: answers ARP, and keeps what it is sent. */

import { decapsulate, reassemble } from "../../bpf/datagram.js";
import type { Wire } from "../../bpf/network.js";
import { addressBytes, macBytes } from "../../bpf/packets.js";
import { DEVICE4 } from "../../bpf/rig.js";
import { ipFrames, numberIn } from "./edge.js";

const ARP = 0x0806;
const REQUEST = 1;
const REPLY = 2;
const EVERYBODY = Buffer.alloc(6, 0xff);
const PUMP_MS = 2;
const UDP = 17;

export interface ArpRequest {
  readonly toEverybody: boolean;
}

export class SimulatedDevice implements Disposable {
  answers = true;
  /** Numbers of the mirrored packets that came, whole. */
  readonly copies: number[] = [];
  /** IP packets that came: datagrams, fragments, what else there is. */
  readonly packets: Buffer[] = [];
  readonly requests: ArpRequest[] = [];
  /** Frames for other addresses than its own. */
  strays = 0;
  readonly #timer: NodeJS.Timeout;
  #fragments: Buffer[] = [];

  constructor(
    private readonly wire: Wire,
    public mac: string,
    private readonly address = DEVICE4,
  ) {
    this.#timer = setInterval(() => this.pump(), PUMP_MS);
  }

  /** Takes in what is on the wire. */
  pump(): void {
    for (let frame = this.wire.readAny(); frame; frame = this.wire.readAny()) this.#take(frame);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #take(frame: Buffer): void {
    const to = frame.subarray(0, 6);
    const isOurs = to.equals(macBytes(this.mac));
    if (frame.readUInt16BE(12) === ARP) {
      if (isOurs || to.equals(EVERYBODY)) this.#answer(frame);
      return;
    }
    for (const { packet } of ipFrames([frame])) {
      // Multicast of the edge's own is nobody's copy.
      if (((to[0] ?? 0) & 1) === 1) continue;
      if (isOurs) this.#keep(packet);
      else this.strays++;
    }
  }

  #keep(packet: Buffer): void {
    this.packets.push(packet);
    const fragment = packet.readUInt16BE(6) & 0x3fff;
    if (fragment === 0) {
      if (packet[9] === UDP) this.copies.push(numberIn(decapsulate(packet).inner));
      return;
    }
    this.#fragments.push(packet);
    if ((fragment & 0x2000) !== 0) return;
    const id = packet.readUInt16BE(4);
    const pieces = this.#fragments.filter((piece) => piece.readUInt16BE(4) === id);
    this.#fragments = this.#fragments.filter((piece) => piece.readUInt16BE(4) !== id);
    this.copies.push(numberIn(decapsulate(reassemble(pieces)).inner));
  }

  #answer(frame: Buffer): void {
    const request = frame.subarray(14);
    if (request.readUInt16BE(6) !== REQUEST || !request.subarray(24, 28).equals(addressBytes(this.address))) return;
    this.requests.push({ toEverybody: frame.subarray(0, 6).equals(EVERYBODY) });
    if (!this.answers) return;
    const reply = Buffer.from(frame);
    const own = macBytes(this.mac);
    frame.copy(reply, 0, 6, 12);
    own.copy(reply, 6);
    reply.writeUInt16BE(REPLY, 14 + 6);
    own.copy(reply, 14 + 8);
    addressBytes(this.address).copy(reply, 14 + 14);
    request.copy(reply, 14 + 18, 8, 18);
    this.wire.write(reply);
  }
}
