/** Writes to kernel maps, at once or many with one call. */
import type { BpfMap } from "libbpf-ts";
import type { WritableMap } from "./target-table.js";

interface Batch {
  readonly map: BpfMap;
  readonly keys: Buffer[];
  readonly values: Buffer[];
}

/**
 * While a batch is open, updates wait for its end; the maps are then written in the order in which they were first
 * named, each with one call. A look-up or a deletion in between writes what waits first.
 */
export class MapWriter {
  readonly #batches = new Map<string, Batch>();
  #open = false;

  /** The map as one whose updates may wait. */
  wrap(map: BpfMap): WritableMap {
    return {
      maxEntries: map.maxEntries,
      lookup: (key) => {
        this.#flush();
        return map.lookup(key);
      },
      update: (key, value) => this.update(map, key, value),
      delete: (key) => {
        this.#flush();
        return map.delete(key);
      },
    };
  }

  update(map: BpfMap, key: Buffer, value: Buffer): void {
    if (!this.#open) {
      map.update(key, value);
      return;
    }
    const batch = this.#batches.get(map.name) ?? { map, keys: [], values: [] };
    batch.keys.push(key);
    batch.values.push(value);
    this.#batches.set(map.name, batch);
  }

  /** Runs `work` with updates collected, and writes them. */
  batch<T>(work: () => T): T {
    this.#open = true;
    try {
      return work();
    } finally {
      this.#open = false;
      this.#flush();
    }
  }

  #flush(): void {
    const batches = [...this.#batches.values()];
    // Also where the kernel refuses: what is written after this must not be overwritten by it.
    this.#batches.clear();
    for (const { map, keys, values } of batches)
      map.updateBatch(Buffer.concat(keys), Buffer.concat(values), keys.length);
  }
}
