/** The raw-call layer for what libbpf 1.1 does not offer: bpf(2) with an attribute buffer. */
import { BpfError, type BpfErrorOptions, LibbpfMissingError } from "../errors.js";
import { native } from "../ffi/native.js";
import { ATTR_BYTES, INFO_BYTES } from "./uapi.js";

const SYSCALL_NUMBERS: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280, riscv64: 280 };

/**
 * `union bpf_attr` under construction. Keeps the buffers whose addresses are written into it alive, and must itself
 * be alive while the call runs.
 */
export class Attributes {
  readonly bytes = Buffer.alloc(ATTR_BYTES);
  readonly #kept: Buffer[] = [];

  u32(offset: number, value: number): this {
    this.bytes.writeUInt32LE(value >>> 0, offset);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.bytes.writeBigUInt64LE(value, offset);
    return this;
  }

  /** Writes the address of `buffer`; nothing where it is empty. */
  pointer(offset: number, buffer: Buffer): this {
    if (buffer.length === 0) return this;
    this.#kept.push(buffer);
    return this.u64(offset, native().koffi.address(buffer));
  }
}

// What the kernel is working on; being reachable from here, it cannot be collected meanwhile.
const inCall: Attributes[] = [];

/** Result of bpf(2), or a negative errno. */
export function bpfResult(command: number, attributes: Attributes): number {
  const { libc, koffi } = native();
  const number = SYSCALL_NUMBERS[process.arch];
  if (number === undefined) throw new LibbpfMissingError(`bpf(2) is not known for the architecture ${process.arch}`);
  inCall.push(attributes);
  const result = libc.syscall(number, command, attributes.bytes, attributes.bytes.length);
  const failed = result < 0 ? -koffi.errno() : result;
  inCall.pop();
  return failed;
}

/** Like `bpfResult`; throws BpfError on failure. */
export function bpf(command: number, attributes: Attributes, operation: string, options?: BpfErrorOptions): number {
  const result = bpfResult(command, attributes);
  if (result < 0) throw new BpfError(operation, -result, options);
  return result;
}

/** The info structure of a map, program or link. */
export function objectInfo(fd: number, what: string): Buffer {
  const info = Buffer.alloc(INFO_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(INFO_BYTES);
  const result = native().libbpf.bpf_obj_get_info_by_fd(fd, info, length);
  if (result < 0) throw new BpfError(`information about ${what}`, -result);
  return info;
}

/** A zero-terminated string of at most `bytes` at `offset`. */
export function cString(buffer: Buffer, offset: number, bytes: number): string {
  const field = buffer.subarray(offset, offset + bytes);
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end < 0 ? field.length : end);
}
