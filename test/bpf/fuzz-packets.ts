/** Random and mutated frames, the same for the same seed. */
import type { Context } from "./context.js";
import {
  ETHERTYPE,
  ethernet,
  fragments4,
  fragments6,
  ipv4,
  ipv6,
  type LinkLayer,
  REMOTE4,
  TO4,
  TO6,
} from "./packets.js";
import { echo, pattern, raw, tcp, udp } from "./transport.js";

const MAC_BYTES = 12;
const ETHERNET_BYTES = 14;
const LONGEST = 1514;

/** Mulberry32: 32 bits of state, good enough to choose bytes with. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const LINKS: readonly LinkLayer[] = [
  {},
  { minimum: 60 },
  { tags: [{ id: 100 }] },
  { tags: [{ id: 100, type: ETHERTYPE.svlan }, { id: 7 }] },
  { tags: [{ id: 1 }, { id: 2 }, { id: 3 }] },
  { pppoe: 5 },
  { tags: [{ id: 100 }, { id: 7 }], pppoe: 5, minimum: 60 },
];

/** Packets of every kind that is recognised, and some that are not. */
function wellFormed(): Buffer[] {
  const extensions = [
    { kind: "hop-by-hop" },
    { kind: "destination" },
    { kind: "routing" },
    { kind: "fragment", offset: 0, more: false },
    { kind: "authentication" },
  ] as const;
  const packets = [
    ipv4({}, udp()),
    ipv4(TO4, udp({}, pattern(1200))),
    ipv4({}, tcp({ options: pattern(12) }, pattern(500))),
    ipv4({ options: pattern(40) }, tcp()),
    ipv4({ source: REMOTE4 }, echo(4)),
    ...fragments4({}, udp({}, pattern(1000)), 400),
    ipv4({}, raw(47, pattern(60))),
    ipv6({}, udp()),
    ipv6(TO6, tcp({}, pattern(1200))),
    ipv6({ extensions }, tcp()),
    ipv6({ extensions: extensions.toReversed() }, udp()),
    ...fragments6({}, udp({}, pattern(1000)), 400),
    ipv6({}, echo(6)),
  ];
  return packets.flatMap((packet) => LINKS.map((link) => ethernet(packet, link)));
}

/** Values where arithmetic goes wrong. */
const EDGES = [0, 1, 4, 5, 15, 16, 19, 20, 39, 40, 60, 0x7f, 0x80, 0xfe, 0xff];
const TYPES = [ETHERTYPE.ipv4, ETHERTYPE.ipv6, ETHERTYPE.vlan, ETHERTYPE.svlan, ETHERTYPE.pppoe, 0x0806, 0];

export interface FuzzOptions {
  readonly seed: number;
  /** Interfaces that a packet may be on, and that it may have come in by. */
  readonly interfaces: readonly number[];
  /** The frames begin with their IP header; bytes 12 and 13 still say what it is, as a test run reads it. */
  readonly withoutLinkLayer?: boolean;
}

export interface FuzzPacket {
  readonly frame: Buffer;
  readonly context: Context;
}

export class PacketSource {
  readonly #next: () => number;
  readonly #corpus: readonly Buffer[];

  constructor(private readonly options: FuzzOptions) {
    this.#next = generator(options.seed);
    const frames = wellFormed();
    this.#corpus = options.withoutLinkLayer ? frames.map(bareIp) : frames;
  }

  /** 0 to `below` - 1. */
  below(below: number): number {
    return this.#next() % below;
  }

  next(): FuzzPacket {
    const frame = this.below(8) === 0 ? this.#noise() : this.#mutated();
    return { frame: runnable(frame), context: this.#context(frame.length) };
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Random bytes, most of them under an ethertype that is looked into. */
  #noise(): Buffer {
    const frame = Buffer.alloc(ETHERNET_BYTES + this.below(this.below(4) === 0 ? LONGEST - ETHERNET_BYTES : 80));
    for (let at = 0; at + 4 <= frame.length; at += 4) frame.writeUInt32LE(this.#next(), at);
    if (this.below(8) > 0) frame.writeUInt16BE(this.#pick(TYPES), MAC_BYTES);
    return frame;
  }

  #mutated(): Buffer {
    let frame: Buffer = Buffer.from(this.#pick(this.#corpus));
    for (let left = this.below(6); left > 0; left--) frame = this.#mutation(frame);
    return frame;
  }

  #mutation(frame: Buffer): Buffer {
    // Most of it where the headers are.
    const at = this.below(this.below(4) === 0 ? frame.length : Math.min(frame.length, 100));
    switch (this.below(7)) {
      case 0:
        frame[at] = (frame[at] ?? 0) ^ (1 << this.below(8));
        return frame;
      case 1:
        frame[at] = this.#pick(EDGES);
        return frame;
      case 2:
        if (at + 2 <= frame.length) frame.writeUInt16BE(this.#next() & 0xffff, at);
        return frame;
      case 3:
        return frame.subarray(0, Math.max(ETHERNET_BYTES, at));
      case 4:
        return Buffer.concat([frame, Buffer.alloc(this.below(64), this.#next() & 0xff)]);
      case 5:
        return Buffer.concat([frame.subarray(0, at), Buffer.alloc(this.below(9), 0x45), frame.subarray(at)]);
      default:
        return Buffer.concat([frame.subarray(0, at), this.#pick(this.#corpus).subarray(at)]);
    }
  }

  #context(length: number): Context {
    const plain = { ifindex: this.#pick(this.options.interfaces), wireLength: Math.max(length, LONGEST * 2) };
    if (this.below(4) > 0) return plain;
    const gso = this.below(4) === 0 ? { gsoSize: 1 + this.below(1500), gsoSegments: this.below(64) } : {};
    return {
      ...plain,
      ...gso,
      mark: this.#next(),
      priority: this.#next(),
      ingressIfindex: this.#pick(this.options.interfaces),
      cb: [this.#next(), this.#next(), this.#next(), this.#next(), this.#next()],
    };
  }
}

function bareIp(frame: Buffer): Buffer {
  const packet = Buffer.from(frame.subarray(ETHERNET_BYTES));
  packet.writeUInt16BE((packet[0] ?? 0) >> 4 === 6 ? ETHERTYPE.ipv6 : ETHERTYPE.ipv4, MAC_BYTES);
  return packet;
}

/** A test run refuses frames whose ethertype promises an IP header that is not whole: those are made whole. */
function runnable(frame: Buffer): Buffer {
  const type = frame.length >= ETHERNET_BYTES ? frame.readUInt16BE(MAC_BYTES) : 0;
  const header = type === ETHERTYPE.ipv4 ? 20 : type === ETHERTYPE.ipv6 ? 40 : 0;
  const missing = ETHERNET_BYTES + header - frame.length;
  return missing > 0 ? Buffer.concat([frame, Buffer.alloc(missing)]) : frame;
}
