/** A loaded object file: its live maps and programs. */
import type { BtfTypes } from "./btf/types.js";
import { BpfUsageError } from "./errors.js";
import type { BpfMap } from "./map.js";
import type { BpfProgram } from "./program.js";

/** Maps and programs of a loaded object file. Owns their descriptors; nothing of libbpf remains in memory. */
export class LoadedObject implements Disposable {
  readonly #maps: ReadonlyMap<string, BpfMap>;
  readonly #programs: ReadonlyMap<string, BpfProgram>;
  readonly #btf: BtfTypes;

  /** Made by `ObjectSpec.load`. */
  constructor(
    readonly path: string,
    maps: readonly BpfMap[],
    programs: readonly BpfProgram[],
    btf: BtfTypes,
  ) {
    this.#maps = new Map(maps.map((map) => [map.name, map]));
    this.#programs = new Map(programs.map((program) => [program.name, program]));
    this.#btf = btf;
  }

  get maps(): readonly BpfMap[] {
    return [...this.#maps.values()];
  }

  get programs(): readonly BpfProgram[] {
    return [...this.#programs.values()];
  }

  map(name: string): BpfMap {
    return this.#maps.get(name) ?? missing("map", name, this.path, this.#maps.keys());
  }

  program(name: string): BpfProgram {
    return this.#programs.get(name) ?? missing("program", name, this.path, this.#programs.keys());
  }

  /** The types that the object was compiled with. */
  btf(): BtfTypes {
    return this.#btf;
  }

  /** Closes all maps and programs; what is pinned or attached lives on. */
  close(): void {
    for (const owned of [...this.#maps.values(), ...this.#programs.values()]) owned.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Throws that `path` has no such thing, and says which it has. */
export function missing(kind: string, name: string, path: string, known: Iterable<string>): never {
  throw new BpfUsageError(`${path} has no ${kind} "${name}"; it has: ${[...known].join(", ") || "none"}`);
}
