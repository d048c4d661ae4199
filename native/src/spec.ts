/** An object file that is read but not loaded: what it holds, and what may still be changed. */

import { parseBtf } from "./btf/parse.js";
import type { BtfTypes } from "./btf/types.js";
import { requireBytes, requireInteger, requireText, U32_MAX } from "./bytes.js";
import { BpfError, BpfUsageError } from "./errors.js";
import { FileDescriptor, noteClosed, noteOpen } from "./fd.js";
import type { Pointer } from "./ffi/memory.js";
import { captureMessages } from "./ffi/messages.js";
import { native } from "./ffi/native.js";
import { detailOf, loadError } from "./load-error.js";
import { LoadedObject, missing } from "./loaded.js";
import { BpfMap } from "./map.js";
import { BpfProgram } from "./program.js";
import { type MapType, mapTypeName, type ProgramType, programTypeName } from "./sys/uapi.js";

export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  readonly type: ProgramType;
}

/** Owns libbpf's object until it is loaded or closed. */
export class ObjectSpec implements Disposable {
  #object: Pointer | undefined;
  #btf: BtfTypes | undefined;
  readonly #maps = new Map<string, Pointer>();
  readonly #programs = new Map<string, Pointer>();

  private constructor(
    readonly path: string,
    object: Pointer,
  ) {
    const { libbpf } = native();
    this.#object = object;
    for (const map of walk((previous) => libbpf.bpf_object__next_map(object, previous))) {
      this.#maps.set(libbpf.bpf_map__name(map), map);
    }
    for (const program of walk((previous) => libbpf.bpf_object__next_program(object, previous))) {
      this.#programs.set(libbpf.bpf_program__name(program), program);
    }
    noteOpen(this, `object file ${path}`);
  }

  static open(path: string): ObjectSpec {
    requireText(path, "path of the object file");
    const { libbpf, koffi } = native();
    const { result, messages } = captureMessages(() => libbpf.bpf_object__open(path));
    if (result === null) throw new BpfError(`open ${path}`, koffi.errno(), { detail: detailOf(messages) });
    return new ObjectSpec(path, result);
  }

  get maps(): readonly MapSpec[] {
    const { libbpf } = native();
    this.#open();
    return [...this.#maps].map(([name, map]) => ({
      name,
      type: mapTypeName(libbpf.bpf_map__type(map)),
      keySize: libbpf.bpf_map__key_size(map),
      valueSize: libbpf.bpf_map__value_size(map),
      maxEntries: libbpf.bpf_map__max_entries(map),
    }));
  }

  get programs(): readonly ProgramSpec[] {
    const { libbpf } = native();
    this.#open();
    return [...this.#programs].map(([name, program]) => ({
      name,
      section: libbpf.bpf_program__section_name(program),
      type: programTypeName(libbpf.bpf_program__type(program)),
    }));
  }

  setMaxEntries(map: string, entries: number): this {
    requireInteger(entries, 1, U32_MAX, `size of map "${map}"`);
    return this.#check(
      native().libbpf.bpf_map__set_max_entries(this.#map(map), entries),
      `set the size of map "${map}"`,
    );
  }

  /** On load the map is taken from `path` where it is pinned there and fits, else created and pinned there. */
  setPinPath(map: string, path: string): this {
    requireText(path, "pin path");
    return this.#check(native().libbpf.bpf_map__set_pin_path(this.#map(map), path), `set the pin path of map "${map}"`);
  }

  /** Uses a map that exists instead of creating one. It must have the same type, key, value and flags. */
  reuseMap(name: string, map: BpfMap): this {
    const target = this.#map(name);
    const { libbpf } = native();
    const differences = [
      ["type", mapTypeName(libbpf.bpf_map__type(target)), map.type],
      ["key size", libbpf.bpf_map__key_size(target), map.keySize],
      ["value size", libbpf.bpf_map__value_size(target), map.valueSize],
      ["flags", libbpf.bpf_map__map_flags(target), map.flags],
    ].filter(([, wanted, given]) => wanted !== given);
    if (differences.length > 0) {
      const list = differences.map(([what, wanted, given]) => `${what} ${given} instead of ${wanted}`).join(", ");
      throw new BpfUsageError(`map "${name}" cannot be taken from the map given: ${list}`);
    }
    return this.#check(libbpf.bpf_map__reuse_fd(target, map.fd), `reuse ${map.what} for map "${name}"`);
  }

  /** Leaves a program out of what `load` loads, or takes it in again. */
  setAutoload(program: string, autoload: boolean): this {
    const result = native().libbpf.bpf_program__set_autoload(this.#program(program), autoload);
    return this.#check(result, `set autoload of program "${program}"`);
  }

  /** Sets a global variable (of .rodata, .data or .bss) by its name in C. `value` has exactly its size. */
  setGlobal(name: string, value: Buffer): this {
    const variable = this.btf().globals().get(name);
    if (variable === undefined) return missing("global variable", name, this.path, this.btf().globals().keys());
    requireBytes(value, variable.size, `global variable "${name}"`);
    const start = this.#initialValue(variable.section);
    native().libc.memcpy(start + BigInt(variable.offset), value, value.length);
    return this;
  }

  /** The types that the object was compiled with. Throws where it was compiled without -g. */
  btf(): BtfTypes {
    this.#btf ??= parseBtf(this.#rawBtf());
    return this.#btf;
  }

  /** Loads everything into the kernel. This specification is closed afterwards, also where it throws. */
  load(): LoadedObject {
    const object = this.#open();
    try {
      const btf = this.btf();
      const { result, messages } = captureMessages(() => native().libbpf.bpf_object__load(object));
      if (result < 0) throw loadError(this.path, -result, messages);
      return this.#takeOver(btf);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#object === undefined) return;
    native().libbpf.bpf_object__close(this.#object);
    this.#object = undefined;
    this.#maps.clear();
    this.#programs.clear();
    noteClosed(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Gives every map and program a descriptor of its own, so that libbpf's object can go. */
  #takeOver(btf: BtfTypes): LoadedObject {
    const { libbpf } = native();
    const maps: BpfMap[] = [];
    const programs: BpfProgram[] = [];
    try {
      for (const [name, map] of this.#maps) {
        const fd = libbpf.bpf_map__fd(map);
        if (fd >= 0) maps.push(new BpfMap(FileDescriptor.duplicate(fd, `map "${name}"`), name));
      }
      for (const [name, program] of this.#programs) {
        const fd = libbpf.bpf_program__fd(program);
        const section = libbpf.bpf_program__section_name(program);
        if (fd >= 0) programs.push(new BpfProgram(FileDescriptor.duplicate(fd, `program "${name}"`), name, section));
      }
      return new LoadedObject(this.path, maps, programs, btf);
    } catch (error) {
      for (const owned of [...maps, ...programs]) owned.close();
      throw error;
    }
  }

  #open(): Pointer {
    if (this.#object === undefined) throw new BpfUsageError(`${this.path} is closed or was loaded already`);
    return this.#object;
  }

  #map(name: string): Pointer {
    this.#open();
    return this.#maps.get(name) ?? missing("map", name, this.path, this.#maps.keys());
  }

  #program(name: string): Pointer {
    this.#open();
    return this.#programs.get(name) ?? missing("program", name, this.path, this.#programs.keys());
  }

  #check(result: number, operation: string): this {
    if (result < 0) throw new BpfError(operation, -result);
    return this;
  }

  /** libbpf's bytes have the offsets of global variables filled in, which those of the file lack. */
  #rawBtf(): Buffer {
    const { libbpf, libc } = native();
    const btf = libbpf.bpf_object__btf(this.#open());
    const size = Buffer.alloc(4);
    const data = btf === null ? null : libbpf.btf__raw_data(btf, size);
    if (data === null) throw new BpfUsageError(`${this.path} has no type information: compile it with -g`);
    const bytes = Buffer.alloc(size.readUInt32LE(0));
    libc.memcpy(bytes, data, bytes.length);
    return bytes;
  }

  /** Address of the bytes that a section of variables will have. libbpf prefixes the map's name with the object's. */
  #initialValue(section: string): Pointer {
    const { libbpf } = native();
    this.#open();
    for (const [name, map] of this.#maps) {
      if (!libbpf.bpf_map__is_internal(map) || !name.endsWith(section)) continue;
      const value = libbpf.bpf_map__initial_value(map, Buffer.alloc(8));
      if (value !== null) return value;
    }
    throw new BpfUsageError(`${this.path} has no section ${section} whose variables could be set`);
  }
}

function* walk(next: (previous: Pointer | null) => Pointer | null): Generator<Pointer> {
  let at = next(null);
  while (at !== null) {
    yield at;
    at = next(at);
  }
}
