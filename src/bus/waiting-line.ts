/**
 * What waits, in the order in which it came, and of which any may leave. A Set or a Map would do, but for the garbage
 * collector: each of the tables that they grow through as entries come and go points to the next, so that one that has
 * become old keeps all later ones alive, with what was in them, until the old generation is collected.
 */

/** A power of two. */
const INITIAL_PLACES = 64;

export class WaitingLine<T extends object> {
  #places: (T | undefined)[] = emptyPlaces(INITIAL_PLACES);
  #first = 0;
  #next = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number that `join` gives next. */
  get next(): number {
    return this.#next;
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#places[this.#index(this.#first)];
  }

  /** Returns a number by which it may leave; numbers go up by one, from 0. */
  join(item: T): number {
    if (this.#next - this.#first === this.#places.length) this.#grow();
    const number = this.#next++;
    this.#places[this.#index(number)] = item;
    this.#size++;
    return number;
  }

  has(number: number): boolean {
    return number >= this.#first && number < this.#next && this.#places[this.#index(number)] !== undefined;
  }

  /** Undefined where it has left already, or was never there. */
  leave(number: number): T | undefined {
    if (!this.has(number)) return undefined;
    const item = this.#places[this.#index(number)];
    this.#places[this.#index(number)] = undefined;
    this.#size--;
    while (this.#first < this.#next && this.#places[this.#index(this.#first)] === undefined) this.#first++;
    return item;
  }

  /** All whose number is below `number` leave, in their order. */
  leaveBefore(number: number): T[] {
    const left: T[] = [];
    for (let each = this.#first; each < Math.min(number, this.#next); each++) {
      const item = this.leave(each);
      if (item !== undefined) left.push(item);
    }
    return left;
  }

  #index(number: number): number {
    return number % this.#places.length;
  }

  #grow(): void {
    const places = emptyPlaces<T>(2 * this.#places.length);
    for (let each = this.#first; each < this.#next; each++) {
      places[each % places.length] = this.#places[this.#index(each)];
    }
    this.#places = places;
  }
}

function emptyPlaces<T>(count: number): (T | undefined)[] {
  return Array.from<T | undefined>({ length: count }).fill(undefined);
}
