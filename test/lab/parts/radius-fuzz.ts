/** Packets that were good before something happened to them. Seeded: a run can be repeated. */
import { type Attribute, MAX_VALUE_BYTES } from "../../../src/radius/packet.js";

/** xorshift32: enough for a fuzzer, and the same everywhere. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** One to four of: a bit, a byte, the length field, an end cut off or grown, a piece repeated or moved; or all new. */
export function mutate(packet: Buffer, dice: Dice): Buffer {
  if (dice.below(50) === 0) return dice.bytes(dice.below(600));
  let bytes: Buffer = Buffer.from(packet);
  for (let step = dice.below(4); step >= 0; step--) bytes = dice.pick(MUTATIONS)(bytes, dice);
  return bytes;
}

type Mutation = (bytes: Buffer, dice: Dice) => Buffer;

const EDGES = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff];

function at(bytes: Buffer, dice: Dice, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const index = dice.below(bytes.length);
  bytes[index] = change(bytes[index] as number);
  return bytes;
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, dice) => at(bytes, dice, (byte) => byte ^ (1 << dice.below(8))),
  (bytes, dice) => at(bytes, dice, () => dice.below(256)),
  (bytes, dice) => at(bytes, dice, () => dice.pick(EDGES)),
  (bytes, dice) => {
    if (bytes.length >= 4)
      bytes.writeUInt16BE(dice.pick([0, 19, 20, 21, bytes.length - 1, 4096, 4097, 65_535, dice.below(5000)]), 2);
    return bytes;
  },
  (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (bytes, dice) => fitted(Buffer.concat([bytes, dice.bytes(dice.below(40))])),
  (bytes, dice) => {
    const from = dice.below(bytes.length + 1);
    const piece = bytes.subarray(from, from + dice.below(60));
    const to = dice.below(bytes.length + 1);
    return fitted(Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]));
  },
];

/** With a length field that says what is there, so that the attributes are looked at. */
function fitted(bytes: Buffer): Buffer {
  if (bytes.length >= 20 && bytes.length <= 4096) bytes.writeUInt16BE(bytes.length, 2);
  return bytes;
}

/** Attributes whose values are bent, for packets that are signed afterwards and so are believed. */
export function bend(attributes: readonly Attribute[], dice: Dice): Attribute[] {
  const bent = attributes.map(({ type, value }): Attribute => {
    switch (dice.below(6)) {
      case 0:
        return { type, value: dice.bytes(dice.below(MAX_VALUE_BYTES + 1)) };
      case 1:
        return { type, value: mutate(value, dice).subarray(0, MAX_VALUE_BYTES) };
      case 2:
        return { type: 1 + dice.below(255), value };
      default:
        return { type, value };
    }
  });
  if (dice.below(3) === 0)
    bent.push({ type: dice.pick([1, 2, 24, 26, 26, 33, 44, 55, 69, 79, 80]), value: dice.bytes(dice.below(254)) });
  if (dice.below(5) === 0) bent.splice(dice.below(bent.length + 1), 1);
  return bent;
}
