/** A kernel map that is a Map: for tests of what writes to one. */
import { BpfError } from "libbpf-ts";
import type { WritableMap } from "../../../src/datapath/target-table.js";

const ENOMEM = 12;

export class FakeMap implements WritableMap {
  readonly entries = new Map<string, Buffer>();
  /** Updates that succeed before one is refused; none is unless set, and after the one none. */
  updatesLeft = Number.POSITIVE_INFINITY;

  constructor(readonly maxEntries = 1000) {}

  lookup(key: Buffer): Buffer | undefined {
    return this.entries.get(key.toString("hex"));
  }

  update(key: Buffer, value: Buffer): void {
    if (this.updatesLeft-- === 0) throw new BpfError("update of a map", ENOMEM);
    this.entries.set(key.toString("hex"), Buffer.from(value));
  }

  delete(key: Buffer): boolean {
    return this.entries.delete(key.toString("hex"));
  }

  /** What is in it, to compare. */
  content(): Record<string, string> {
    return Object.fromEntries([...this.entries].map(([key, value]) => [key, value.toString("hex")]));
  }
}
