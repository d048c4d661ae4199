/** Mediation devices and drop policies: rows of kernel arrays that several intercepts may share, counted by use. */
import type { BpfMap } from "libbpf-ts";
import { DatapathError } from "./port.js";
import { Slots } from "./slots.js";

interface Row {
  readonly slot: number;
  uses: number;
}

export function indexKey(index: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(index);
  return key;
}

/** Rows by their bytes. */
export class SharedRows {
  readonly #rows = new Map<string, Row>();
  readonly #identities = new Map<number, string>();
  readonly #slots: Slots;

  constructor(
    private readonly map: BpfMap,
    private readonly what: string,
    private readonly field: string,
    firstSlot = 0,
  ) {
    this.#slots = new Slots(map.maxEntries, firstSlot);
  }

  get used(): number {
    return this.#slots.used;
  }

  get capacity(): number {
    return this.map.maxEntries;
  }

  /** The row's index; written where no intercept had it yet. */
  take(bytes: Buffer): number {
    const identity = bytes.toString("latin1");
    const row = this.#rows.get(identity);
    if (row) {
      row.uses++;
      return row.slot;
    }
    const slot = this.#slots.take();
    if (slot === undefined)
      throw new DatapathError("table-full", `There are ${this.map.maxEntries} ${this.what} already.`, this.field);
    try {
      this.map.update(indexKey(slot), bytes);
    } catch (error) {
      this.#slots.free(slot);
      throw error;
    }
    this.#rows.set(identity, { slot, uses: 1 });
    this.#identities.set(slot, identity);
    return slot;
  }

  /** Takes over rows that an earlier run left in the kernel: each index as often as it is used. */
  adopt(used: readonly number[]): void {
    for (const slot of used) {
      const identity = this.#identities.get(slot) ?? this.map.lookup(indexKey(slot))?.toString("latin1");
      if (identity === undefined) continue;
      const row = this.#rows.get(identity);
      if (row?.slot === slot) row.uses++;
      else this.#rows.set(identity, { slot, uses: 1 });
      this.#identities.set(slot, identity);
    }
    this.#slots.adopt(new Set(used));
  }

  release(slot: number): void {
    const identity = this.#identities.get(slot);
    const row = identity === undefined ? undefined : this.#rows.get(identity);
    if (identity === undefined || !row) return;
    row.uses--;
    if (row.uses > 0) return;
    this.#rows.delete(identity);
    this.#identities.delete(slot);
    this.#slots.free(slot);
  }
}
