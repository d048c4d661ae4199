/** Batched access to maps: one call into the kernel for many elements. */
import { requireBytes, requireInteger, U32_MAX } from "./bytes.js";
import { BpfBatchError, errnoName } from "./errors.js";
import { native } from "./ffi/native.js";
import type { BpfMap } from "./map.js";
import { UPDATE_MODE } from "./sys/uapi.js";

export interface BatchOptions {
  /** Elements a call; 1024 unless given. */
  readonly batchSize?: number;
}

const DEFAULT_BATCH = 1024;
/** The kernel's place in the map: a key, or a bucket number of 4 bytes. */
const MIN_PLACE_BYTES = 8;
const ENOENT = 2;
const EINTR = 4;
const ENOSPC = 28;

/** A map type without batches gives ENOTSUPP, a kernel without them EINVAL. */
const NO_BATCH: ReadonlySet<string> = new Set(["ENOTSUPP", "EOPNOTSUPP", "EINVAL"]);

function noBatch(result: number): boolean {
  return result < 0 && NO_BATCH.has(errnoName(-result));
}

/** Whether the kernel reads this map in batches. */
export function hasBatch(map: BpfMap): boolean {
  const keys = Buffer.alloc(map.keySize);
  const values = Buffer.alloc(map.transferSize);
  const place = Buffer.alloc(Math.max(map.keySize, MIN_PLACE_BYTES));
  return !noBatch(native().libbpf.bpf_map_lookup_batch(map.fd, null, place, keys, values, u32(1), null));
}

/** Elements one behind the other, as `updateBatch` takes them. */
export interface Block {
  readonly keys: Buffer;
  readonly values: Buffer;
  readonly count: number;
}

/** Blocks of elements; each has buffers of its own, which stay as they are. */
export function* lookupBlocks(map: BpfMap, options: BatchOptions): Generator<Block, void, undefined> {
  let size = Math.min(options.batchSize ?? DEFAULT_BATCH, map.maxEntries);
  requireInteger(size, 1, U32_MAX, "batch size");
  const placeBytes = Math.max(map.keySize, MIN_PLACE_BYTES);
  let place: Buffer | null = null;
  for (;;) {
    const keys = Buffer.allocUnsafeSlow(size * map.keySize);
    const values = Buffer.allocUnsafeSlow(size * map.transferSize);
    const next = Buffer.alloc(placeBytes);
    const read = u32(size);
    const result = native().libbpf.bpf_map_lookup_batch(map.fd, place, next, keys, values, read, null);
    if (place === null && noBatch(result)) {
      for (const [key, value] of map.entries()) yield { keys: key, values: value, count: 1 };
      return;
    }
    if (result === -ENOSPC) {
      // One bucket of a hash holds more than a whole batch.
      size *= 2;
      continue;
    }
    if (result < 0 && result !== -ENOENT && result !== -EINTR) throw map.error("batch lookup in", -result);
    const count = read.readUInt32LE(0);
    if (count > 0) {
      yield {
        keys: keys.subarray(0, count * map.keySize),
        values: values.subarray(0, count * map.transferSize),
        count,
      };
    }
    if (result === -ENOENT) return;
    // Interrupted before anything was read, the place is not set.
    if (result === 0 || count > 0) place = next;
  }
}

export function* lookupBatch(map: BpfMap, options: BatchOptions): Generator<[Buffer, Buffer], void, undefined> {
  for (const { keys, values, count } of lookupBlocks(map, options)) {
    for (let i = 0; i < count; i++) yield [element(keys, i, map.keySize), element(values, i, map.transferSize)];
  }
}

export function updateBatch(map: BpfMap, keys: Buffer, values: Buffer, count: number, flags: number): number {
  requireInteger(count, 0, U32_MAX, "batch count");
  requireBytes(keys, count * map.keySize, `${count} keys of ${map.what}`);
  requireBytes(values, count * map.transferSize, `${count} values of ${map.what}`);
  if (count === 0) return 0;
  const done = u32(count);
  const options = batchOptions(flags);
  const result = native().libbpf.bpf_map_update_batch(map.fd, keys, values, done, options);
  if (noBatch(result) && done.readUInt32LE(0) === count) return updateSingly(map, keys, values, count, flags);
  if (result < 0) throw batchError(map, "batch update of", -result, done.readUInt32LE(0));
  return done.readUInt32LE(0);
}

function updateSingly(map: BpfMap, keys: Buffer, values: Buffer, count: number, flags: number): number {
  for (let i = 0; i < count; i++) {
    const key = element(keys, i, map.keySize);
    const value = element(values, i, map.transferSize);
    const result = native().libbpf.bpf_map_update_elem(map.fd, key, value, flags);
    if (result < 0) throw batchError(map, "batch update of", -result, i);
  }
  return count;
}

export function deleteBatch(map: BpfMap, keys: Buffer, count: number): number {
  requireInteger(count, 0, U32_MAX, "batch count");
  requireBytes(keys, count * map.keySize, `${count} keys of ${map.what}`);
  let deleted = 0;
  let at = 0;
  while (at < count) {
    const left = u32(count - at);
    const rest = keys.subarray(at * map.keySize);
    const result = native().libbpf.bpf_map_delete_batch(map.fd, rest, left, batchOptions(UPDATE_MODE.any));
    if (noBatch(result) && left.readUInt32LE(0) === count - at) return deleted + deleteSingly(map, rest, count - at);
    deleted += left.readUInt32LE(0);
    if (result === 0) return deleted;
    if (result !== -ENOENT) throw batchError(map, "batch delete from", -result, deleted);
    // The batch stops at a key that is not there: pass it over.
    at += left.readUInt32LE(0) + 1;
  }
  return deleted;
}

function deleteSingly(map: BpfMap, keys: Buffer, count: number): number {
  let deleted = 0;
  for (let i = 0; i < count; i++) if (map.delete(element(keys, i, map.keySize))) deleted++;
  return deleted;
}

function batchError(map: BpfMap, operation: string, errno: number, processed: number): BpfBatchError {
  return new BpfBatchError(`${operation} ${map.what}`, errno, processed, { remedies: map.remedies });
}

function element(buffer: Buffer, index: number, size: number): Buffer {
  return buffer.subarray(index * size, (index + 1) * size);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

/** `struct bpf_map_batch_opts` of libbpf 1.1: sz, elem_flags, flags, 8 bytes each. */
function batchOptions(elementFlags: number): Buffer {
  const options = Buffer.alloc(24);
  options.writeBigUInt64LE(24n, 0);
  options.writeBigUInt64LE(BigInt(elementFlags), 8);
  return options;
}
