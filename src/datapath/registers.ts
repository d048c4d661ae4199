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

/** What the kernel has of a row may differ from what tells it from others. */
export interface RowForm {
  written(row: Buffer): Buffer;
  /** The row of which the kernel has `written`. */
  identity(written: Buffer): Buffer;
}

const AS_IT_IS: RowForm = { written: (row) => row, identity: (row) => row };

/** Rows by their bytes. */
export class SharedRows {
  readonly #rows = new Map<string, Row>();
  readonly #identities = new Map<number, string>();
  readonly #slots: Slots;

  constructor(
    private readonly map: BpfMap,
    private readonly what: string,
    private readonly field: string,
    private readonly form: RowForm = AS_IT_IS,
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

  /** The rows in use. */
  rows(): Buffer[] {
    return [...this.#rows.keys()].map((identity) => Buffer.from(identity, "latin1"));
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
      this.map.update(indexKey(slot), this.form.written(bytes));
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
      const identity = this.#identities.get(slot) ?? this.#adopted(slot);
      if (identity === undefined) continue;
      const row = this.#rows.get(identity);
      if (row?.slot === slot) row.uses++;
      else this.#rows.set(identity, { slot, uses: 1 });
      this.#identities.set(slot, identity);
    }
    this.#slots.adopt(new Set(used));
  }

  /** Writes all rows again whose written form has changed. */
  rewrite(written: (row: Buffer) => Buffer): void {
    for (const [identity, { slot }] of this.#rows) {
      const bytes = written(Buffer.from(identity, "latin1"));
      if (!this.map.lookup(indexKey(slot))?.equals(bytes)) this.map.update(indexKey(slot), bytes);
    }
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

  #adopted(slot: number): string | undefined {
    const written = this.map.lookup(indexKey(slot));
    return written && this.form.identity(written).toString("latin1");
  }
}
