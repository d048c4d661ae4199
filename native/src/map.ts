/** A live map: elements, per-CPU elements, batches, pins. Keys and values are bytes in the CPU's order. */
import { requireBytes, requireInteger, requireText, U32_MAX } from "./bytes.js";
import { possibleCpus } from "./cpus.js";
import { BpfError, BpfUsageError, type Remedies } from "./errors.js";
import { type FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";
import { type BatchOptions, type Block, deleteBatch, lookupBatch, lookupBlocks, updateBatch } from "./map-batch.js";
import { openPin, pinFd, unpinPath } from "./pin.js";
import { cString, objectInfo } from "./sys/bpf.js";
import { INFO, MAP_TYPES, type MapType, mapTypeName, OBJECT_NAME_BYTES, UPDATE_MODE } from "./sys/uapi.js";

const ENOENT = 2;
const PER_CPU_TYPES: ReadonlySet<MapType> = new Set([
  "percpu_hash",
  "percpu_array",
  "lru_percpu_hash",
  "percpu_cgroup_storage",
]);
const CPU_VALUE_ALIGNMENT = 8;

/** `any`: create or replace; `noexist`: create only; `exist`: replace only. */
export type UpdateMode = keyof typeof UPDATE_MODE;

export interface MapDefinition {
  readonly type: Exclude<MapType, "unknown">;
  /** At most 15 characters reach the kernel. */
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of map creation, e.g. 1 (no preallocation), which an LPM trie demands. */
  readonly flags?: number;
}

export class BpfMap implements Disposable {
  readonly id: number;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
  readonly perCpu: boolean;
  /** Bytes that the kernel reads or writes for one element: for a per-CPU map all CPUs' parts. */
  readonly transferSize: number;
  readonly #fd: FileDescriptor;

  /** Takes `fd` over, also where it throws. `name` overrides the kernel's, which is cut to 15 characters. */
  constructor(fd: FileDescriptor, name?: string) {
    this.#fd = fd;
    try {
      const info = objectInfo(fd.value, fd.what);
      const at = INFO.bpf_map_info;
      this.id = info.readUInt32LE(at.id);
      this.type = mapTypeName(info.readUInt32LE(at.type));
      this.keySize = info.readUInt32LE(at.key_size);
      this.valueSize = info.readUInt32LE(at.value_size);
      this.maxEntries = info.readUInt32LE(at.max_entries);
      this.flags = info.readUInt32LE(at.map_flags);
      this.name = name ?? cString(info, at.name, OBJECT_NAME_BYTES);
      this.perCpu = PER_CPU_TYPES.has(this.type);
      this.transferSize = this.perCpu ? this.#cpuStride * possibleCpus() : this.valueSize;
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  static create(definition: MapDefinition): BpfMap {
    const { name, keySize, valueSize, maxEntries, flags = 0 } = definition;
    requireText(name, "map name");
    for (const [what, value] of Object.entries({ keySize, valueSize, maxEntries, flags })) {
      requireInteger(value, 0, U32_MAX, what);
    }
    const options = Buffer.alloc(CREATE_OPTIONS.bytes);
    options.writeBigUInt64LE(BigInt(CREATE_OPTIONS.bytes), 0);
    options.writeUInt32LE(flags, CREATE_OPTIONS.map_flags);
    const type = MAP_TYPES.indexOf(definition.type);
    if (type < 0) throw new BpfUsageError(`map "${name}": type "${definition.type}" is not known`);
    const short = name.slice(0, OBJECT_NAME_BYTES - 1);
    const fd = native().libbpf.bpf_map_create(type, short, keySize, valueSize, maxEntries, options);
    return new BpfMap(ownedFd(fd, `map "${name}"`, `create map "${name}" of type ${definition.type}`), name);
  }

  static openPinned(path: string): BpfMap {
    return new BpfMap(openPin(path, "map"));
  }

  /** Opens the map with this id, e.g. one that another process loaded. */
  static openById(id: number): BpfMap {
    requireInteger(id, 1, U32_MAX, "map id");
    const fd = native().libbpf.bpf_map_get_fd_by_id(id);
    return new BpfMap(ownedFd(fd, `map ${id}`, `open the map with id ${id}`));
  }

  get fd(): number {
    return this.#fd.value;
  }

  /** A copy of the value, or undefined where the key is not there. */
  lookup(key: Buffer): Buffer | undefined {
    this.#refusePerCpu("lookup", "lookupPerCpu");
    const value = Buffer.allocUnsafe(this.valueSize);
    return this.#lookupRaw(key, value) ? value : undefined;
  }

  /** Like `lookup`, into a buffer of the value's size that the caller keeps. False where the key is not there. */
  lookupInto(key: Buffer, out: Buffer): boolean {
    this.#refusePerCpu("lookupInto", "lookupPerCpu");
    requireBytes(out, this.valueSize, `value of ${this.what}`);
    return this.#lookupRaw(key, out);
  }

  update(key: Buffer, value: Buffer, mode: UpdateMode = "any"): void {
    this.#refusePerCpu("update", "updatePerCpu");
    requireBytes(value, this.valueSize, `value of ${this.what}`);
    this.#updateRaw(key, value, mode);
  }

  /** False where the key was not there. */
  delete(key: Buffer): boolean {
    this.#requireKey(key);
    const result = native().libbpf.bpf_map_delete_elem(this.fd, key);
    if (result === -ENOENT) return false;
    if (result < 0) throw this.error("delete from", -result);
    return true;
  }

  /** One value for each possible CPU, in their order; undefined where the key is not there. */
  lookupPerCpu(key: Buffer): Buffer[] | undefined {
    this.#requirePerCpu("lookupPerCpu", "lookup");
    const all = Buffer.allocUnsafe(this.transferSize);
    return this.#lookupRaw(key, all) ? this.splitPerCpu(all) : undefined;
  }

  /** Sets each possible CPU's value. */
  updatePerCpu(key: Buffer, values: readonly Buffer[], mode: UpdateMode = "any"): void {
    this.#requirePerCpu("updatePerCpu", "update");
    this.#updateRaw(key, this.joinPerCpu(values), mode);
  }

  /** The CPUs' values in an element as `lookupBatch` gives it: views, not copies. */
  splitPerCpu(element: Buffer): Buffer[] {
    requireBytes(element, this.transferSize, `per-CPU value of ${this.what}`);
    const stride = this.#cpuStride;
    return Array.from({ length: possibleCpus() }, (_, cpu) =>
      element.subarray(cpu * stride, cpu * stride + this.valueSize),
    );
  }

  /** An element as `updateBatch` takes it, from one value for each possible CPU. */
  joinPerCpu(values: readonly Buffer[]): Buffer {
    const cpus = possibleCpus();
    if (values.length !== cpus) {
      throw new BpfUsageError(`${this.what}: ${values.length} per-CPU values given, ${cpus} expected`);
    }
    const all = Buffer.alloc(this.transferSize);
    values.forEach((value, cpu) => {
      requireBytes(value, this.valueSize, `value of ${this.what}`);
      value.copy(all, cpu * this.#cpuStride);
    });
    return all;
  }

  /**
   * All keys, each a copy. Not a snapshot: what changes meanwhile may be missed, and where the key at hand is deleted
   * by someone else a hash starts again from its beginning. Deleting the key just given is safe.
   */
  *keys(): Generator<Buffer, void, undefined> {
    let next = this.#nextKey(null);
    while (next !== undefined) {
      const key = next;
      next = this.#nextKey(key);
      yield key;
    }
  }

  /** All elements one by one; per-CPU values as `splitPerCpu` takes them. `lookupBatch` is several times as fast. */
  *entries(): Generator<[key: Buffer, value: Buffer], void, undefined> {
    for (const key of this.keys()) {
      const value = Buffer.allocUnsafe(this.transferSize);
      if (this.#lookupRaw(key, value)) yield [key, value];
    }
  }

  /** All elements, `batchSize` a call into the kernel; one by one where the map type has no batches. */
  lookupBatch(options: BatchOptions = {}): Generator<[key: Buffer, value: Buffer], void, undefined> {
    return lookupBatch(this, options);
  }

  /** Like `lookupBatch`, a block of elements at a time: for large maps, twice as fast. */
  lookupBlocks(options: BatchOptions = {}): Generator<Block, void, undefined> {
    return lookupBlocks(this, options);
  }

  /**
   * Sets `count` elements from keys and values one behind the other. Returns how many were set, which is `count`;
   * throws BpfBatchError, whose `processed` says how many took effect.
   */
  updateBatch(keys: Buffer, values: Buffer, count: number, mode: UpdateMode = "any"): number {
    return updateBatch(this, keys, values, count, UPDATE_MODE[mode]);
  }

  /** Deletes `count` keys one behind the other; those that are not there are passed over. Returns how many were. */
  deleteBatch(keys: Buffer, count: number): number {
    return deleteBatch(this, keys, count);
  }

  pin(path: string): void {
    pinFd(this.fd, path, this.what);
  }

  /** Removes the pin at `path`; the map lives on while anything else refers to it. */
  unpin(path: string): boolean {
    return unpinPath(path);
  }

  close(): void {
    this.#fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For error texts. */
  get what(): string {
    return `map "${this.name}"`;
  }

  /** An error of an operation on this map, with the remedy. */
  error(operation: string, errno: number): BpfError {
    return new BpfError(`${operation} ${this.what}`, errno, { remedies: this.remedies });
  }

  get remedies(): Remedies {
    return {
      E2BIG: `it holds at most ${this.maxEntries} entries: raise its size before loading (setMaxEntries)`,
      EEXIST: 'the key is there already and the mode is "noexist"',
      ENOENT: 'the key is not there and the mode is "exist"',
    };
  }

  get #cpuStride(): number {
    return Math.ceil(this.valueSize / CPU_VALUE_ALIGNMENT) * CPU_VALUE_ALIGNMENT;
  }

  #requireKey(key: Buffer): void {
    requireBytes(key, this.keySize, `key of ${this.what}`);
  }

  #refusePerCpu(used: string, instead: string): void {
    if (this.perCpu)
      throw new BpfUsageError(`${this.what} has a value for each CPU: use ${instead} instead of ${used}`);
  }

  #requirePerCpu(used: string, instead: string): void {
    if (!this.perCpu)
      throw new BpfUsageError(`${this.what} has one value for all CPUs: use ${instead} instead of ${used}`);
  }

  #lookupRaw(key: Buffer, out: Buffer): boolean {
    this.#requireKey(key);
    const result = native().libbpf.bpf_map_lookup_elem(this.fd, key, out);
    if (result === -ENOENT) return false;
    if (result < 0) throw this.error("lookup in", -result);
    return true;
  }

  #updateRaw(key: Buffer, value: Buffer, mode: UpdateMode): void {
    this.#requireKey(key);
    const result = native().libbpf.bpf_map_update_elem(this.fd, key, value, UPDATE_MODE[mode]);
    if (result < 0) throw this.error("update of", -result);
  }

  #nextKey(key: Buffer | null): Buffer | undefined {
    const next = Buffer.allocUnsafe(this.keySize);
    const result = native().libbpf.bpf_map_get_next_key(this.fd, key, next);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw this.error("iterate over", -result);
    return next;
  }
}

/** `struct bpf_map_create_opts` of libbpf 1.1. */
const CREATE_OPTIONS = { bytes: 48, map_flags: 28 } as const;
