/** The bytes of answers by place, off the heap: the garbage collector would carry tens of thousands of objects along. */

/** Room for most answers; those that are longer are kept as they are. */
const ROOM = 512;
const PLACES_A_BLOCK = 256;

export class ReplyBytes {
  readonly #blocks: Buffer[] = [];
  readonly #lengths: Uint16Array;
  readonly #long: (Buffer | undefined)[] = [];

  /** Places are numbered from 0 and taken from the low end: memory is had as far as they reach. */
  constructor(places: number) {
    this.#lengths = new Uint16Array(places);
  }

  set(place: number, bytes: Buffer): void {
    if (bytes.length > ROOM) {
      this.#long[place] = bytes;
      return;
    }
    this.#lengths[place] = bytes.length;
    bytes.copy(this.#block(place), (place % PLACES_A_BLOCK) * ROOM);
  }

  /** A copy of what was set. */
  get(place: number): Buffer {
    const long = this.#long[place];
    if (long !== undefined) return long;
    const start = (place % PLACES_A_BLOCK) * ROOM;
    return Buffer.from(this.#block(place).subarray(start, start + (this.#lengths[place] as number)));
  }

  delete(place: number): void {
    if (this.#long[place] !== undefined) this.#long[place] = undefined;
  }

  #block(place: number): Buffer {
    const index = Math.floor(place / PLACES_A_BLOCK);
    for (let next = this.#blocks.length; next <= index; next++) {
      this.#blocks.push(Buffer.allocUnsafeSlow(PLACES_A_BLOCK * ROOM));
    }
    return this.#blocks[index] as Buffer;
  }
}
