/** Writes to kernel maps, at once or many with one call. */
import type { BpfMap } from "libbpf-ts";
import type { WritableMap } from "./target-table.js";

const FIRST_ROWS = 64;
const NO_ROWS = Buffer.alloc(0);

/** Elements of one map that wait, as the kernel takes them: keys one behind the other, and values. */
class Rows {
  count = 0;
  #keys: Buffer = NO_ROWS;
  #values: Buffer = NO_ROWS;

  constructor(private readonly map: BpfMap) {}

  add(key: Buffer, value: Buffer): void {
    this.#keys = withRoom(this.#keys, this.count, key.length);
    this.#values = withRoom(this.#values, this.count, value.length);
    this.#keys.set(key, this.count * key.length);
    this.#values.set(value, this.count * value.length);
    this.count += 1;
  }

  /** Writes the first `count` rows. */
  write(count: number): void {
    const { keySize, valueSize } = this.map;
    this.map.updateBatch(this.#keys.subarray(0, count * keySize), this.#values.subarray(0, count * valueSize), count);
  }

  release(): void {
    this.#keys = NO_ROWS;
    this.#values = NO_ROWS;
  }
}

/** With room for one row more, of `size` bytes. */
function withRoom(rows: Buffer, count: number, size: number): Buffer {
  if ((count + 1) * size <= rows.length) return rows;
  const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_ROWS, count * 2) * size);
  larger.set(rows);
  return larger;
}

/**
 * While a batch is open, updates wait for its end; the maps are then written in the order in which they were first
 * named, each with one call. A look-up or a deletion in between writes what waits first.
 */
export class MapWriter {
  readonly #all: Rows[] = [];
  /** Those in which something waits. */
  #waiting: Rows[] = [];
  #open = false;

  /** The map as one whose updates may wait. */
  wrap(map: BpfMap): WritableMap {
    const rows = new Rows(map);
    this.#all.push(rows);
    return {
      maxEntries: map.maxEntries,
      lookup: (key) => {
        this.#flush();
        return map.lookup(key);
      },
      update: (key, value) => {
        if (!this.#open) return map.update(key, value);
        if (rows.count === 0) this.#waiting.push(rows);
        rows.add(key, value);
      },
      delete: (key) => {
        this.#flush();
        return map.delete(key);
      },
    };
  }

  /** Runs `work` with updates collected, and writes them. */
  batch<T>(work: () => T): T {
    this.#open = true;
    try {
      return work();
    } finally {
      this.#open = false;
      this.#flush();
      for (const rows of this.#all) rows.release();
    }
  }

  #flush(): void {
    const waiting = this.#waiting.map((rows) => ({ rows, count: rows.count }));
    // Also where the kernel refuses: what is written after this must not be overwritten by it.
    this.#waiting = [];
    for (const { rows } of waiting) rows.count = 0;
    for (const { rows, count } of waiting) rows.write(count);
  }
}
